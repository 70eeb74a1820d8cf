import { quoted } from '../faults.js'
import { suggestion } from '../schema/suggest.js'
import type { Field, Reading } from '../schema/spec.js'

/** The labels of one kind of block, to which keys of other blocks refer. */
export class Labels {
  readonly #kind: string
  readonly #labels: ReadonlySet<string>
  readonly #incomplete: boolean
  readonly #reading: Reading

  /** `incomplete`: a syntax fault took a part of the file, perhaps the block that a key refers to. */
  constructor(kind: string, labels: Iterable<string>, incomplete: boolean, reading: Reading) {
    this.#kind = kind
    this.#labels = new Set(labels)
    this.#incomplete = incomplete
    this.#reading = reading
  }

  get size(): number {
    return this.#labels.size
  }

  get only(): string | undefined {
    const [label] = this.#labels
    return this.#labels.size === 1 ? label : undefined
  }

  /** Reports a reference to a block that is not there. */
  check(field: Field<string | undefined>): void {
    const { value, at } = field
    if (value === undefined || this.#labels.has(value) || this.#incomplete) return
    this.#reading.faults.add(at, () => `there is no ${this.#kind} ${quoted(value)}${suggestion(value, this.#labels)}`)
  }
}
