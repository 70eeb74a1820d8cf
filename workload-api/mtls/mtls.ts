import type { ChannelCredentials } from '@grpc/grpc-js'
import type { Agent } from 'node:https'
import type { ConnectionOptions, Server, TlsOptions } from 'node:tls'
import type { Authorizer } from '../authorizer.js'
import type { Source } from '../source/source.js'
import type { X509Snapshot } from '../source/x509-source.js'
import { channelCredentials, grpcListener, type GrpcModule, type GrpcServer, type GrpcServerModule } from './grpc.js'
import { MtlsAgent } from './https-agent.js'
import { checkServer } from './peer-check.js'
import { protectServer } from './protect-server.js'
import { lastingOptions, SecureContexts, type TlsVersionOptions } from './secure-context.js'

export type MtlsOptions = TlsVersionOptions

/** Mutual TLS of one identity, for Node's own servers and clients. */
export interface Mtls {
  /**
   * For `tls.createServer`, `https.createServer` and `http2.createSecureServer`. A server made with them has no identity
   * and trusts nobody until it is given to `protect`.
   */
  readonly serverOptions: TlsOptions
  /**
   * Gives a server identity, rotations and the check of its clients; returns it. Refused clients are told to the
   * server's `tlsClientError`, with a `SpiffeError` or an `UnauthorizedPeerError`; nothing else hears of them.
   *
   * @throws {TypeError} when the server was not made with `serverOptions`
   */
  readonly protect: <Protected extends Server>(server: Protected) => Protected
  /**
   * For one connection of `tls.connect` or `http2.connect`: called anew for each, so that it has the newest identity. A
   * server that is refused is the connection's error: `SpiffeError` or `UnauthorizedPeerError`.
   *
   * @throws {SpiffeError} when the source has no identity
   */
  readonly connectOptions: () => ConnectionOptions
  /** For `https.request`, `https.get` and what takes an agent. */
  readonly agent: Agent
  /** Credentials for clients of `@grpc/grpc-js`, whose own copy the caller passes. */
  readonly channelCredentials: (grpc: GrpcModule) => ChannelCredentials
  /** A protected listener that hands its connections to a server of `@grpc/grpc-js`; `listen` and `close` are the caller's. */
  readonly grpcListener: <Credentials>(grpc: GrpcServerModule<Credentials>, server: GrpcServer<Credentials>) => Server
}

/**
 * Mutual TLS with the identity of a source, following its rotations. Each peer is verified by the bundle of its own
 * trust domain (X509-SVID section 5) and judged by the authorizer before any of its bytes is read and before one is
 * sent to it; without a usable identity or bundle nobody is let through. There is no resumption. Established connections
 * outlive rotations.
 */
export function mtls(source: Source<X509Snapshot>, authorizer: Authorizer, options: MtlsOptions = {}): Mtls {
  if (typeof authorizer !== 'function') throw new TypeError('mtls needs an authorizer')
  const contexts = new SecureContexts(source, options)
  const connectOptions = (): ConnectionOptions => {
    const { context, snapshot } = contexts.current()
    return {
      secureContext: context,
      // Said, and not left to a default that an environment variable can turn round.
      rejectUnauthorized: true,
      checkServerIdentity: checkServer(() => snapshot.bundles, authorizer),
    }
  }
  const serverOptions: TlsOptions = {
    ...lastingOptions(options),
    requestCert: true,
    rejectUnauthorized: true,
    // Nobody, until `protect` puts the bundles there.
    ca: [],
  }
  const protect = <Protected extends Server>(server: Protected): Protected =>
    protectServer(server, { source, authorizer, versions: options })
  return {
    serverOptions,
    protect,
    connectOptions,
    agent: new MtlsAgent(connectOptions),
    channelCredentials: (grpc) => channelCredentials(grpc, connectOptions),
    grpcListener: (grpc, server) => grpcListener(grpc, server, serverOptions, protect),
  }
}
