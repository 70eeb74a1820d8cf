/** What the soak does, each with its own count. */
export const lanes = [
  'churn',
  'streams',
  'slow signer',
  'flapping backend',
  'passing tunnels',
  'guest',
  'reloads',
  'authority restarts',
  'processes',
] as const
export type Lane = (typeof lanes)[number]

export interface LaneCount {
  done: number
  /** Refusals that had to come: a backend that is down, a guest that is not on the list. */
  refused: number
  failed: number
  bytes: number
}

export interface Failure {
  readonly lane: Lane
  readonly second: number
  readonly what: string
}

/** The first failures tell the cause; the rest are counted. */
const keptFailures = 50

/** Counts what was done and what failed. */
export class Ledger {
  readonly counts: Readonly<Record<Lane, LaneCount>>
  readonly failures: Failure[] = []
  #startedAt: number | undefined

  constructor() {
    const empty = (): LaneCount => ({ done: 0, refused: 0, failed: 0, bytes: 0 })
    this.counts = Object.fromEntries(lanes.map((lane) => [lane, empty()])) as Record<Lane, LaneCount>
  }

  /** Starts the clock: what came before is at second 0. */
  begin(): void {
    this.#startedAt = performance.now()
  }

  get seconds(): number {
    return this.#startedAt === undefined ? 0 : (performance.now() - this.#startedAt) / 1000
  }

  get failed(): number {
    return Object.values(this.counts).reduce((sum, { failed }) => sum + failed, 0)
  }

  done(lane: Lane, bytes = 0): void {
    this.counts[lane].done += 1
    this.counts[lane].bytes += bytes
  }

  refused(lane: Lane): void {
    this.counts[lane].refused += 1
  }

  fail(lane: Lane, what: string): void {
    this.counts[lane].failed += 1
    if (this.failures.length < keptFailures) this.failures.push({ lane, second: this.seconds, what })
  }
}
