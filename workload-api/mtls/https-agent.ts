import { Agent, type AgentOptions, type RequestOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import { connect, type ConnectionOptions } from 'node:tls'

type Created = (error: Error | null, socket?: Duplex) => void

/**
 * An agent for `https.request` whose connections each have the newest identity and check their server. A request never
 * uses a connection that was made before the last rotation, and idle ones are closed then.
 */
export class MtlsAgent extends Agent {
  readonly #connectOptions: () => ConnectionOptions
  #context: unknown
  #generation = 0

  constructor(connectOptions: () => ConnectionOptions, options: AgentOptions = {}) {
    // No sessions: Node skips the check of the server for one that is resumed.
    super({ keepAlive: true, ...options, maxCachedSessions: 0 })
    this.#connectOptions = connectOptions
  }

  /** What connections are pooled by. */
  override getName(options?: RequestOptions): string {
    this.#noteRotation()
    return `${super.getName(options)}:generation ${this.#generation}`
  }

  override createConnection(options: ConnectionOptions, created: Created): Duplex | undefined {
    try {
      const { session: _, ...rest } = options
      return connect({ ...rest, ...this.#connectOptions() })
    } catch (error) {
      process.nextTick(created, error)
      return undefined
    }
  }

  #noteRotation(): void {
    let context: unknown
    try {
      context = this.#connectOptions().secureContext
    } catch {
      // No identity: `createConnection` will say so.
    }
    if (context === this.#context) return
    this.#context = context
    this.#generation += 1
    for (const sockets of Object.values(this.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
  }
}
