import { quoted, type Faults, type Position } from '../faults.js'
import type { Item, ObjectValue, Value } from './ast.js'
import type { Budget } from './budget.js'
import type { Cursor } from './cursor.js'

const blanks = /[ \t\r\n]+/y
const jsonString = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"/y // oxlint-disable-line no-control-regex
const jsonNumber = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const loneSurrogate = /\p{Cs}/u
const word = /[\p{L}\p{Nd}_]+/uy

/**
 * Parses the JSON form of a file, which HCL 1 takes for JSON when its first character is `{`. Strict (RFC 8259); the
 * first fault ends it, since JSON has no lines to resume at.
 */
export function parseJson(cursor: Cursor, faults: Faults, budget: Budget): ObjectValue {
  try {
    const parser = new JsonParser(cursor, budget)
    return parser.document()
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error
    if (error.message !== '') faults.add(error.at, error.message)
    return { kind: 'object', items: [], at: { line: 1, column: 1 }, broken: true }
  }
}

/** Ends the parsing from any depth. An empty message: reported already. */
class JsonFault extends Error {
  readonly at: Position

  constructor(at: Position, message: string) {
    super(message)
    this.at = at
  }
}

class JsonParser {
  readonly #cursor: Cursor
  readonly #budget: Budget

  constructor(cursor: Cursor, budget: Budget) {
    this.#cursor = cursor
    this.#budget = budget
  }

  document(): ObjectValue {
    const at = this.#position()
    const body: ObjectValue = { kind: 'object', items: this.#members(0), at, broken: false }
    const end = this.#position()
    if (!this.#cursor.atEnd) throw new JsonFault(end, `expected the end of the file, got ${this.#here()}`)
    return body
  }

  #position(): Position {
    this.#cursor.take(blanks)
    return this.#cursor.position()
  }

  #here(): string {
    if (this.#cursor.atEnd) return 'the end of the file'
    const text = String.fromCodePoint(this.#cursor.text.codePointAt(this.#cursor.offset) ?? 0)
    return quoted(text)
  }

  #takes(character: string): boolean {
    this.#cursor.take(blanks)
    if (this.#cursor.peek() !== character) return false
    this.#cursor.offset++
    return true
  }

  #expect(character: string, what: string): void {
    const at = this.#position()
    if (!this.#takes(character)) throw new JsonFault(at, `expected ${what}, got ${this.#here()}`)
  }

  #members(depth: number): Item[] {
    const items: Item[] = []
    this.#expect('{', '"{"')
    if (this.#takes('}')) return items
    do {
      const at = this.#position()
      const name = this.#string(at, 'a key in double quotes')
      this.#expect(':', `":" after ${quoted(name)}`)
      items.push({ key: { name, at }, labels: [], value: this.#value(depth + 1) })
    } while (this.#takes(','))
    this.#expect('}', '"," or "}"')
    return items
  }

  #elements(depth: number): Value[] {
    const items: Value[] = []
    this.#expect('[', '"["')
    if (this.#takes(']')) return items
    do items.push(this.#value(depth + 1))
    while (this.#takes(','))
    this.#expect(']', '"," or "]"')
    return items
  }

  #string(at: Position, what: string): string {
    const raw = this.#cursor.take(jsonString)
    if (raw !== undefined) {
      const text: unknown = JSON.parse(raw)
      if (typeof text === 'string' && !loneSurrogate.test(text)) return text
      throw new JsonFault(at, 'the string has half of a surrogate pair')
    }
    const isString = this.#cursor.peek() === '"'
    throw new JsonFault(
      at,
      isString
        ? 'string not terminated, or with a character JSON does not allow'
        : `expected ${what}, got ${this.#here()}`,
    )
  }

  #value(depth: number): Value {
    const at = this.#position()
    if (!this.#budget.allows(depth, at)) throw new JsonFault(at, '')
    const character = this.#cursor.peek()
    if (character === '{') return { kind: 'object', items: this.#members(depth), at, broken: false }
    if (character === '[') return { kind: 'list', items: this.#elements(depth), at }
    if (character === '"') return { kind: 'string', text: this.#string(at, 'a string'), at }
    const digits = this.#cursor.take(jsonNumber)
    if (digits !== undefined) return { kind: 'number', text: digits, at }
    const name = this.#cursor.take(word)
    if (name === 'true' || name === 'false') return { kind: 'bool', value: name === 'true', at }
    if (name === 'null') return { kind: 'null', at }
    throw new JsonFault(at, `expected a value, got ${name === undefined ? this.#here() : quoted(name)}`)
  }
}
