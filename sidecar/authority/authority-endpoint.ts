import type { Socket } from 'node:net'
import { Server, ServerCredentials, type UntypedServiceImplementation } from '@grpc/grpc-js'
import type { AuthorityConfig } from '../config/index.js'
import { signX509SvidMethod } from './authority-protocol.js'
import { PeerListener } from './peer-listener.js'

/** A request names one ID and carries one certificate request. */
const maxMessageBytes = 64 * 1024
const maxStreamsOfConnection = 64

export interface AuthorityEndpointOptions {
  readonly config: Pick<AuthorityConfig, 'listen' | 'unixListen'>
  readonly authorityService: UntypedServiceImplementation
  /** Adds the Workload API's service. */
  readonly addWorkloadApi: (server: Server) => void
  readonly onRefused: (reason: string, uid: number | undefined) => void
}

/** The gRPC server behind the authority's socket. */
export class AuthorityEndpoint {
  readonly #server: Server
  readonly #listener: PeerListener

  private constructor(server: Server, listener: PeerListener) {
    this.#server = server
    this.#listener = listener
  }

  /** Throws `SocketError`. */
  static async open({ config, ...options }: AuthorityEndpointOptions): Promise<AuthorityEndpoint> {
    const server = new Server({
      'grpc.max_receive_message_length': maxMessageBytes,
      'grpc.max_concurrent_streams': maxStreamsOfConnection,
    })
    server.addService({ SignX509Svid: signX509SvidMethod }, options.authorityService)
    options.addWorkloadApi(server)
    const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
    const listener = await PeerListener.open({
      ...config.unixListen,
      path: config.listen.path,
      onConnection: (socket: Socket) => injector.injectConnection(socket),
      onRefused: options.onRefused,
    })
    return new AuthorityEndpoint(server, listener)
  }

  async close(): Promise<void> {
    // Streams of the Workload API never end by themselves, so nothing is waited for.
    this.#server.forceShutdown()
    await this.#listener.close()
  }
}
