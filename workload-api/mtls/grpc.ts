import type { CallCredentials, ChannelCredentials } from '@grpc/grpc-js'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import { connect, createServer, type ConnectionOptions, type Server, type TlsOptions } from 'node:tls'
import { readLeaf } from '../x509/verify-x509-svid.js'
import type { SpiffeId } from '../spiffe-id/spiffe-id.js'

/** The parts of `@grpc/grpc-js` that are used: the caller's own copy, which tells its classes from those of any other. */
export interface GrpcModule {
  readonly ChannelCredentials: typeof ChannelCredentials
  readonly CallCredentials: typeof CallCredentials
}

/** The same for servers. By shape: two copies' classes with private members are different types. */
export interface GrpcServerModule<Credentials> {
  readonly ServerCredentials: { createInsecure(): Credentials }
}

/** A `Server` of that module. */
export interface GrpcServer<Credentials> {
  createConnectionInjector(credentials: Credentials): { injectConnection(connection: Duplex): void }
}

/** A call of a server, as far as it tells who made it. */
export interface GrpcCall {
  getAuthContext(): { readonly sslPeerCertificate?: { readonly raw: Uint8Array } }
}

/**
 * Credentials for a gRPC channel whose connections are each made with what `connectOptions` gives at that moment.
 * `onFault` is told, before gRPC, why a TLS handshake came to nothing: gRPC passes on the text alone. It must not throw.
 */
export function channelCredentials(
  grpc: GrpcModule,
  connectOptions: () => ConnectionOptions,
  onFault: (error: unknown) => void = () => {},
): ChannelCredentials {
  class MtlsChannelCredentials extends grpc.ChannelCredentials {
    override _isSecure(): boolean {
      return true
    }

    override _equals(other: ChannelCredentials): boolean {
      return this === other
    }

    override _createSecureConnector(
      _target: unknown,
      _options: unknown,
      callCredentials: CallCredentials = grpc.CallCredentials.createEmpty(),
    ) {
      return {
        connect: async (socket: Socket) => {
          try {
            return { socket: await secure(socket, connectOptions()), secure: true }
          } catch (error) {
            onFault(error)
            throw error
          }
        },
        waitForReady: () => Promise.resolve(),
        getCallCredentials: () => callCredentials,
        destroy: () => {},
      }
    }
  }
  return new MtlsChannelCredentials()
}

/**
 * A TLS server that hands its connections to a gRPC server. A listener and no credentials: gRPC gives its own servers
 * away to nobody, so nothing could look at a whole chain before a call is made.
 */
export function grpcListener<Credentials>(
  grpc: GrpcServerModule<Credentials>,
  server: GrpcServer<Credentials>,
  serverOptions: TlsOptions,
  protect: (listener: Server) => Server,
): Server {
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure())
  const listener = protect(createServer({ ...serverOptions, ALPNProtocols: ['h2'] }))
  listener.on('secureConnection', (socket) => {
    socket.on('error', () => socket.destroy())
    injector.injectConnection(socket)
  })
  return listener
}

/** The verified ID of who made a call that came by such a listener. */
export function peerIdOfCall(call: GrpcCall): SpiffeId | undefined {
  const certificate = call.getAuthContext().sslPeerCertificate
  return certificate && readLeaf(certificate.raw).id
}

function secure(socket: Socket, options: ConnectionOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const secured = connect({ ...options, socket, ALPNProtocols: ['h2'] }, () => resolve(secured))
    // Stays: a connection may fail after it was handed over, and gRPC hears of that by its close.
    secured.on('error', reject)
  })
}
