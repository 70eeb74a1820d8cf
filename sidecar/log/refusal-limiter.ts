/** How many lines of one kind are written in a window before the rest are only counted. */
const linesPerWindow = 10
const windowMs = 1000
/** A stranger who varies what he is refused for must not make the table grow. */
const kindsLimit = 1000
const otherKinds = 'other'

interface Window {
  startedAt: number
  seen: number
}

/**
 * Keeps repeated refusals from filling the log: of one kind, `linesPerWindow` lines a second, the rest as a count.
 * Allowed connections do not pass through here: each has its own audit line.
 */
export class RefusalLimiter {
  readonly #windows = new Map<string, Window>()
  readonly #onSuppressed: (kind: string, count: number) => void
  readonly #timer: NodeJS.Timeout

  constructor(onSuppressed: (kind: string, count: number) => void) {
    this.#onSuppressed = onSuppressed
    this.#timer = setInterval(() => this.#sweep(Date.now()), windowMs).unref()
  }

  /** Whether this refusal gets a line of its own. */
  admits(kind: string): boolean {
    const window = this.#windows.get(kind)
    if (window !== undefined) {
      window.seen += 1
      return window.seen <= linesPerWindow
    }
    if (this.#windows.size >= kindsLimit && kind !== otherKinds) return this.admits(otherKinds)
    this.#windows.set(kind, { startedAt: Date.now(), seen: 1 })
    return true
  }

  close(): void {
    clearInterval(this.#timer)
    this.#sweep(Number.POSITIVE_INFINITY)
  }

  #sweep(now: number): void {
    for (const [kind, window] of this.#windows) {
      if (now - window.startedAt < windowMs) continue
      this.#windows.delete(kind)
      if (window.seen > linesPerWindow) this.#onSuppressed(kind, window.seen - linesPerWindow)
    }
  }
}
