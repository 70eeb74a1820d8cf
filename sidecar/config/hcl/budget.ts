import { type Faults, type Position } from '../faults.js'

/** Bounds on what a file may hold; ten thousand SPIFFE IDs in each of a dozen tunnels fit. */
export const maxFileBytes = 8 * 1024 * 1024
export const maxDepth = 32
export const maxNodes = 500_000

/** Counts what a parser builds and says when a file is larger than any configuration. */
export class Budget {
  readonly #faults: Faults
  #nodes = 0
  #spent = false

  constructor(faults: Faults) {
    this.#faults = faults
  }

  /** True when one more node at this depth is within bounds; the first one beyond is a fault and the end of parsing. */
  allows(depth: number, at: Position): boolean {
    if (this.#spent) return false
    this.#nodes++
    if (depth <= maxDepth && this.#nodes <= maxNodes) return true
    this.#spent = true
    const what = depth > maxDepth ? `nested deeper than ${maxDepth} levels` : `more than ${maxNodes} values`
    this.#faults.add(at, `${what}; the rest of the file is not read`)
    return false
  }
}
