import type { Socket } from 'node:net'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { addWorkloadApi, type X509Context } from '../../workload-api/index.js'
import { PeerListener } from '../authority/peer-listener.js'
import { formatAddress, type AdminConfig } from '../config/index.js'
import { errorText, type Logger } from '../log/logger.js'
import { RefusalLimiter } from '../log/refusal-limiter.js'
import { JwtForwarding, noIdentity } from './jwt-forwarding.js'
import { contextOf, refusalOf, type OfferedIdentity } from './own-identities.js'
import type { WorkloadApiStatus } from './workload-api-status.js'

export interface WorkloadEndpointOptions {
  /** Asked at each look, since a reload changes them. */
  readonly identities: () => readonly OfferedIdentity[]
  readonly log: Logger
}

/** What a caller sends is empty but for the security header. */
const maxMessageBytes = 64 * 1024
const maxStreamsOfConnection = 64

/**
 * The own identities over the SPIFFE Workload API, for the workload beside this process. Who may ask is known by the uid
 * of the connection: our own user unless the file names others.
 */
export class WorkloadEndpoint {
  readonly #config: AdminConfig
  readonly #identities: () => readonly OfferedIdentity[]
  readonly #server: Server
  readonly #refusals: RefusalLimiter
  readonly #waiting = new Set<() => void>()
  readonly #jwt: JwtForwarding
  #listener: PeerListener | undefined

  private constructor(config: AdminConfig, { identities, log }: WorkloadEndpointOptions) {
    this.#config = config
    this.#identities = identities
    this.#jwt = new JwtForwarding(identities)
    this.#server = new Server({
      'grpc.max_receive_message_length': maxMessageBytes,
      'grpc.max_concurrent_streams': maxStreamsOfConnection,
    })
    this.#refusals = new RefusalLimiter((kind, count) => log.warn('refusals not logged one by one', { kind, count }))
    const refused = (message: string, fields: Readonly<Record<string, unknown>>) => {
      if (this.#refusals.admits(message)) log.warn(message, fields)
    }
    addWorkloadApi(this.#server, {
      watchX509Context: (_peer, signal) => this.#contexts(signal),
      watchJwtBundles: (_peer, signal) => this.#jwt.watchBundles(signal),
      fetchJwtSvids: (_peer, order, signal) => this.#jwt.fetchSvids(order, signal),
      onError: (error, peer) => refused('a Workload API call failed', { peer, error: errorText(error) }),
    })
    this.#onRefused = (reason, uid) => refused('a connection was refused', { reason, uid })
  }

  readonly #onRefused: (reason: string, uid: number | undefined) => void

  /** Throws `SocketError`. */
  static async open(config: AdminConfig, options: WorkloadEndpointOptions): Promise<WorkloadEndpoint> {
    const endpoint = new WorkloadEndpoint(config, options)
    const injector = endpoint.#server.createConnectionInjector(ServerCredentials.createInsecure())
    const { mode, owner, group, allowUids } = config.unixListen
    endpoint.#listener = await PeerListener.open({
      mode,
      owner,
      group,
      path: config.listen.path,
      allowUids: allowUids ?? [process.geteuid?.() ?? 0],
      onConnection: (socket: Socket) => injector.injectConnection(socket),
      onRefused: endpoint.#onRefused,
    })
    return endpoint
  }

  /** An identity changed, or which there are: every stream looks again. */
  refresh(): void {
    for (const wake of this.#waiting) wake()
  }

  status(): WorkloadApiStatus {
    const identities = this.#identities()
    return {
      listen: formatAddress(this.#config.listen),
      offered: identities.filter((identity) => refusalOf(identity) === undefined).map(({ name }) => name),
      notOffered: identities.flatMap((identity) => {
        const reason = refusalOf(identity)
        return reason === undefined ? [] : [{ identity: identity.name, reason }]
      }),
    }
  }

  async close(): Promise<void> {
    // Streams of the Workload API never end by themselves, so nothing is waited for.
    this.#server.forceShutdown()
    this.#refusals.close()
    await this.#jwt.close()
    await this.#listener?.close()
  }

  async *#contexts(signal: AbortSignal): AsyncGenerator<X509Context, void, undefined> {
    let isFirst = true
    while (!signal.aborted) {
      const changed = this.#nextChange(signal)
      const context = contextOf(this.#identities())
      if (context !== undefined) yield context
      else if (isFirst && this.#isHopeless()) throw noIdentity()
      isFirst = false
      await changed
    }
  }

  /** Every identity has its SVID and none may be handed on: waiting would not help. */
  #isHopeless(): boolean {
    return this.#identities().every((identity) => refusalOf(identity) !== undefined)
  }

  #nextChange(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.#waiting.add(wake)
      signal.addEventListener('abort', wake, { once: true })
    })
  }
}
