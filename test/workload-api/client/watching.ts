import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WorkloadApiClient, type WatchState, type X509Context } from '../../../workload-api/index.js'

/** A folder for sockets, removed with everything in it. */
export class SocketFolder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(): Promise<SocketFolder> {
    return new SocketFolder(await mkdtemp(join(tmpdir(), 'svidecar-')))
  }

  get socket(): string {
    return join(this.path, 'agent.sock')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
  }
}

/** A watch in progress, with everything it said so far; waits are for states, never for time. */
export class Watching implements AsyncDisposable {
  readonly states: WatchState[] = []
  readonly contexts: X509Context[] = []
  readonly #client: WorkloadApiClient
  readonly #running: Promise<void>
  readonly #waiting = new Set<() => void>()
  error: unknown

  constructor(socket: string, backoff = { initialMs: 5, maxMs: 40 }, firstMessageTimeoutMs = 10_000) {
    this.#client = new WorkloadApiClient({ address: `unix://${socket}`, backoff, firstMessageTimeoutMs })
    this.#running = this.#run().catch((error: unknown) => {
      this.error = error
      this.#wake()
    })
  }

  /** The first state from `since` on that satisfies; `since` is an index of `states`. */
  async untilState(satisfies: (state: WatchState) => boolean, since = 0): Promise<WatchState> {
    for (;;) {
      const state = this.states.slice(since).find(satisfies)
      if (state) return state
      await this.#change()
    }
  }

  /** The newest context once there are so many. */
  async untilContexts(count: number): Promise<X509Context> {
    while (this.contexts.length < count) await this.#change()
    return this.contexts.at(-1)!
  }

  /** What the iteration threw. */
  async untilError(): Promise<unknown> {
    await this.#running
    return this.error
  }

  /** The codes of every fault told, in order. */
  get faults(): string[] {
    return this.states.flatMap((state) => {
      if (state.kind === 'waiting') return [state.error.code]
      return state.kind === 'streaming' && state.fault ? [state.fault.code] : []
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close()
    await this.#running
  }

  async #run(): Promise<void> {
    const onState = (state: WatchState) => {
      this.states.push(state)
      this.#wake()
    }
    for await (const context of this.#client.watchX509Context({ onState })) {
      this.contexts.push(context)
      this.#wake()
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve))
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }
}
