import type { TLSSocket } from 'node:tls'

/** Round trips on one established connection, one after the other, each timed. */
export class RoundTrips {
  readonly #times: number[] = []
  #running = true
  readonly #ended: Promise<void>

  constructor(socket: TLSSocket) {
    this.#ended = this.#run(socket)
  }

  /** In milliseconds, of those that ended since the last time this was asked. */
  take(): readonly number[] {
    return this.#times.splice(0)
  }

  /** Ends with the last one. Throws when the connection ended before. */
  async stop(): Promise<void> {
    this.#running = false
    await this.#ended
  }

  async #run(socket: TLSSocket): Promise<void> {
    while (this.#running) {
      const begun = performance.now()
      await roundTrip(socket)
      this.#times.push(performance.now() - begun)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

/** One message and its echo; rejects when the connection ends instead. */
export function roundTrip(socket: TLSSocket): Promise<string> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error('the established connection ended'))
    socket.once('close', ended)
    socket.once('data', (chunk: Buffer) => {
      socket.removeListener('close', ended)
      resolve(String(chunk))
    })
    socket.write('still')
  })
}

export function percentile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
