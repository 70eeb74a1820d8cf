import { once } from 'node:events'
import type { ConnectionOptions } from 'node:tls'
import { Worker } from 'node:worker_threads'

export interface FloodOptions {
  readonly port: number
  readonly peer: ConnectionOptions
  readonly perSecond: number
}

export interface FloodCounts {
  readonly begun: number
  /** Established, and echoed. */
  readonly served: number
  readonly refused: number
}

/**
 * New connections at a steady rate, whatever becomes of those before, from a thread of their own, so that what else the
 * test measures does not wait for them. Each is closed after one echo.
 */
export class HandshakeFlood implements AsyncDisposable {
  readonly #worker: Worker

  private constructor(options: FloodOptions) {
    this.#worker = new Worker(new URL('handshake-flood-worker.js', import.meta.url), { workerData: options })
  }

  static async start(options: FloodOptions): Promise<HandshakeFlood> {
    const flood = new HandshakeFlood(options)
    await once(flood.#worker, 'online')
    return flood
  }

  /** So far. */
  async counts(): Promise<FloodCounts> {
    this.#worker.postMessage('counts')
    const [counts] = (await once(this.#worker, 'message')) as [FloodCounts]
    return counts
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate()
  }
}
