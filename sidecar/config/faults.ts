import { escapeText } from '../log/escape-text.js'

/** Where something stands in a file: both from 1; a column is a Unicode character, as editors and HCL count. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** One thing that is wrong, and where. A line of 0 means the file as a whole: it could not be read. */
export interface Fault extends Position {
  readonly message: string
}

/** More than a person reads: a hostile or binary file must not be answered with gigabytes. */
const maxFaults = 1000
const maxMessageLength = 512
const maxQuotedLength = 80

/** The faults of one file as they are found. */
export class Faults {
  readonly #list: Fault[] = []
  #omitted = 0

  /** A message that takes work to make can be given as a function; beyond the bound it is not asked for. */
  add({ line, column }: Position, message: string | (() => string)): void {
    if (this.#list.length >= maxFaults) {
      this.#omitted++
      return
    }
    const text = typeof message === 'string' ? message : message()
    this.#list.push({ line, column, message: bounded(escapeText(text), maxMessageLength) })
  }

  get count(): number {
    return this.#list.length + this.#omitted
  }

  /** All of them in the order of the file. */
  sorted(): readonly Fault[] {
    const sorted = [...this.#list].sort((a, b) => a.line - b.line || a.column - b.column)
    const last = sorted.at(-1)
    if (this.#omitted === 0 || last === undefined) return sorted
    return [...sorted, { line: last.line, column: last.column, message: `and ${this.#omitted} more faults` }]
  }
}

/** Text of the file inside a message: in quotes, inert, and short, since a file may come from a stranger. */
export function quoted(text: string): string {
  const inert = escapeText(text.slice(0, maxQuotedLength + 1).replace(/["\\]/g, '\\$&'))
  return `"${bounded(inert, maxQuotedLength)}"`
}

function bounded(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`
}

export type ConfigErrorCode = 'ERR_CONFIG_UNREADABLE' | 'ERR_CONFIG_INVALID'

/** A configuration file that is not used: every fault of it, in the order of the file. */
export class ConfigError extends Error {
  override readonly name: string = 'ConfigError'
  readonly code: ConfigErrorCode
  readonly path: string
  readonly faults: readonly Fault[]

  constructor(code: ConfigErrorCode, path: string, faults: readonly Fault[], options?: ErrorOptions) {
    super(formatFaults(path, faults).join('\n'), options)
    this.code = code
    this.path = path
    this.faults = faults
  }

  /** `file:line:column: message` for each fault. */
  get lines(): readonly string[] {
    return formatFaults(this.path, this.faults)
  }
}

/** A line for each fault: `file:line:column: message`, or `file: message` for the file as a whole. */
export function formatFaults(path: string, faults: readonly Fault[]): readonly string[] {
  const file = escapeText(path)
  return faults.map(({ line, column, message }) =>
    line === 0 ? `${file}: ${message}` : `${file}:${line}:${column}: ${message}`,
  )
}
