/** How long to wait before the next attempt: twice as long each time, up to a limit. */
export class Backoff {
  readonly #initialMs: number
  readonly #maxMs: number
  #nextMs: number

  constructor(initialMs: number, maxMs: number) {
    this.#initialMs = initialMs
    this.#maxMs = maxMs
    this.#nextMs = initialMs
  }

  next(): number {
    const delay = this.#nextMs
    this.#nextMs = Math.min(this.#nextMs * 2, this.#maxMs)
    return delay
  }

  reset(): void {
    this.#nextMs = this.#initialMs
  }
}
