import * as grpc from '@grpc/grpc-js'
import type { ConnectionOptions } from 'node:tls'
import { isIPv4, isIPv6 } from 'node:net'
import {
  channelCredentials,
  serverTlsOptions,
  SpiffeError,
  UnauthorizedPeerError,
  type TrustDomain,
  type X509Bundle,
} from '../../../../workload-api/index.js'
import { formatAddress, type Address } from '../../../config/index.js'
import { SpireError, type SpireErrorCode } from '../spire-error.js'
import { authorizeServer, channelOptions, type ServerConnection } from './server-connection.js'

/** OpenSSL's words for a chain that leads to no authority of the bundle. */
const untrusted: ReadonlySet<string> = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
  'ERR_X509_SVID_UNTRUSTED',
])
const expired: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'ERR_X509_SVID_EXPIRED',
  'ERR_X509_SVID_NOT_YET_VALID',
])

/**
 * gRPC over TLS without a certificate of our own: for what a server does for anybody, giving its bundle and attesting
 * agents. No key of a device is needed, so Node's own TLS does it; who the server is, is judged as everywhere.
 */
export class UnauthenticatedConnection implements ServerConnection {
  readonly client: grpc.Client
  #fault: unknown

  /** With a bundle, the server must be the trust domain's; `tls` instead says in another way who it must be. */
  constructor(
    server: Address,
    trust: { readonly trustDomain: TrustDomain; readonly bundle: X509Bundle } | { readonly tls: ConnectionOptions },
  ) {
    const tls =
      'tls' in trust
        ? trust.tls
        : serverTlsOptions(new Map([[trust.trustDomain, trust.bundle]]), authorizeServer(trust.trustDomain))
    const credentials = channelCredentials(
      grpc,
      () => tls,
      (error) => (this.#fault = error),
    )
    this.client = new grpc.Client(targetOf(server), credentials, channelOptions(formatAddress(server)))
  }

  async fault(): Promise<SpireError | undefined> {
    const error = this.#fault
    if (error === undefined) return undefined
    return new SpireError(codeOf(error), 'TLS with the server failed', { cause: error })
  }

  async close(): Promise<void> {
    this.client.close()
  }
}

function codeOf(error: unknown): SpireErrorCode {
  if (error instanceof UnauthorizedPeerError) return 'ERR_SPIRE_SERVER_OTHER_ID'
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (untrusted.has(code)) return 'ERR_SPIRE_SERVER_UNTRUSTED'
  if (expired.has(code)) return 'ERR_SPIRE_SERVER_EXPIRED'
  return error instanceof SpiffeError ? 'ERR_SPIRE_SERVER_OTHER_ID' : 'ERR_SPIRE_SERVER_TLS'
}

/** A target in grpc-js's form. */
function targetOf(server: Address): string {
  if (server.kind === 'unix') return `unix:${server.path}`
  const { host, port } = server
  if (isIPv4(host)) return `ipv4:${host}:${port}`
  return isIPv6(host) ? `ipv6:[${host}]:${port}` : `dns:${host}:${port}`
}
