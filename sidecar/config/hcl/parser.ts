import { quoted, type Faults, type Position } from '../faults.js'
import type { Item, Key, ListValue, ObjectValue, Value } from './ast.js'
import type { Budget } from './budget.js'
import type { Cursor } from './cursor.js'
import { Scanner, type Token, type TokenType } from './scanner.js'

const described: ReadonlyMap<TokenType, string> = new Map([
  ['end', 'the end of the file'],
  ['string', 'a string'],
  ['heredoc', 'a heredoc'],
  ['number', 'a number'],
])

function describe(token: Token): string {
  return described.get(token.type) ?? quoted(token.text)
}

function scalar({ type, text, at }: Token): Value | undefined {
  if (type === 'string' || type === 'heredoc') return { kind: 'string', text, at }
  if (type === 'number') return { kind: 'number', text, at }
  return type === 'bool' ? { kind: 'bool', value: text === 'true', at } : undefined
}

/**
 * Parses HCL 1. After a fault it goes on at the next line that starts with a key, so that one run finds as many faults
 * as it soundly can; an object that lost something is marked `broken`.
 */
export function parseHcl(cursor: Cursor, faults: Faults, budget: Budget): ObjectValue {
  return new Parser(cursor, faults, budget).document()
}

class Parser {
  readonly #scanner: Scanner
  readonly #faults: Faults
  readonly #budget: Budget
  #token: Token
  /** Whether the body being parsed lost an item. */
  #broken = false

  constructor(cursor: Cursor, faults: Faults, budget: Budget) {
    this.#faults = faults
    this.#budget = budget
    this.#scanner = new Scanner(cursor, faults)
    this.#token = this.#scanner.next()
  }

  document(): ObjectValue {
    const items = this.#items(0)
    return { kind: 'object', items, at: { line: 1, column: 1 }, broken: this.#broken }
  }

  #advance(): Token {
    const token = this.#token
    this.#token = this.#scanner.next()
    return token
  }

  /** A fault that may have cost an item. */
  #lost(at: Position, message: string): void {
    this.#broken = true
    this.#faults.add(at, message)
  }

  #within(depth: number, at: Position): boolean {
    if (this.#budget.allows(depth, at)) return true
    this.#broken = true
    this.#scanner.stop()
    if (this.#token.type !== 'end') this.#advance()
    return false
  }

  #items(depth: number): Item[] {
    const items: Item[] = []
    for (;;) {
      const { type, at } = this.#token
      if (type === 'end' || (type === '}' && depth > 0)) return items
      if (type === ',') this.#advance()
      else if (type === '}') {
        this.#lost(at, 'unexpected "}": no block is open')
        this.#advance()
      } else {
        const item = this.#item(depth + 1)
        if (item === undefined) this.#resume()
        else items.push(item)
      }
    }
  }

  /** Skips to the next line that may start an item, or to the brace that ends the body. */
  #resume(): void {
    this.#broken = true
    for (let open = 0; this.#token.type !== 'end'; this.#advance()) {
      const { type, first } = this.#token
      if (open === 0 && (type === '}' || (first && (type === 'identifier' || type === 'string')))) return
      if (type === '{' || type === '[') open++
      else if ((type === '}' || type === ']') && open > 0) open--
    }
  }

  #item(depth: number): Item | undefined {
    const start = this.#token
    if (!this.#within(depth, start.at)) return undefined
    const keys = this.#keys()
    const next = this.#token
    const [key] = keys
    if (next.type === 'illegal') return undefined
    if (key === undefined || (next.type !== '=' && next.type !== '{')) {
      const last = keys.at(-1)
      const expected = last === undefined ? 'a key' : `"=" or "{" after ${quoted(last.name)}`
      this.#lost(next.at, `expected ${expected}, got ${describe(next)}`)
      return undefined
    }
    if (next.type === '{') return { key, labels: keys.slice(1), value: this.#object(depth) }
    this.#advance()
    return this.#assigned(keys, next.at, depth)
  }

  #keys(): Key[] {
    const keys: Key[] = []
    while (this.#token.type === 'identifier' || this.#token.type === 'string') {
      if (!this.#within(0, this.#token.at)) break
      const { text, at } = this.#advance()
      keys.push({ name: text, at })
    }
    return keys
  }

  /** `=` may follow one key only. With more, the ones on earlier lines have lost their values. */
  #assigned(keys: readonly Key[], equals: Position, depth: number): Item | undefined {
    const key = keys.at(-1)
    if (key === undefined) return undefined
    let reported = 0
    for (const other of keys.slice(0, -1)) {
      if (other.at.line === key.at.line) {
        this.#lost(equals, `expected "{" after ${quoted(key.name)}: a key with a label takes a block, not a value`)
        return undefined
      }
      if (other.at.line !== reported) this.#lost(other.at, `${quoted(other.name)} has no value: expected "=" or "{"`)
      reported = other.at.line
    }
    return { key, labels: [], value: this.#assignedValue(key, depth) }
  }

  #assignedValue(key: Key, depth: number): Value {
    const token = this.#token
    const misplaced = token.type === 'identifier' && !token.first
    if (misplaced) {
      this.#faults.add(token.at, `${quoted(token.text)} is not a value: text needs double quotes`)
    } else if (token.type !== 'illegal') {
      const value = this.#value(depth)
      if (value !== undefined) return value
      this.#faults.add(key.at, `${quoted(key.name)} has no value`)
    }
    if (misplaced || token.type === 'illegal') this.#skipLine()
    return { kind: 'bad', at: token.at }
  }

  /** What is left of a line with a fault would only give further, false ones. */
  #skipLine(): void {
    do this.#advance()
    while (!this.#token.first && this.#token.type !== 'end' && this.#token.type !== '}')
  }

  /** The value that starts here, or undefined, nothing consumed, when none does. */
  #value(depth: number): Value | undefined {
    if (this.#token.type === '{') return this.#object(depth)
    if (this.#token.type === '[') return this.#list(depth)
    const value = scalar(this.#token)
    if (value !== undefined) this.#advance()
    return value
  }

  #object(depth: number): Value {
    const { at } = this.#advance()
    const outer = this.#broken
    this.#broken = false
    const items = this.#items(depth)
    const broken = this.#broken
    this.#broken = outer
    if (this.#token.type === '}') {
      this.#advance()
      return { kind: 'object', items, at, broken }
    }
    // Where it should have ended is not known, so neither is what belongs to it.
    this.#broken = true
    if (!this.#scanner.truncated) this.#faults.add(at, '"{" is never closed')
    return { kind: 'bad', at }
  }

  #list(depth: number): ListValue | Value {
    const { at } = this.#advance()
    const items: Value[] = []
    for (let separated = true; ;) {
      const token = this.#token
      if (token.type === ']') {
        this.#advance()
        return { kind: 'list', items, at }
      }
      if (token.type === ',') {
        this.#advance()
        separated = true
        continue
      }
      const value = this.#element(depth + 1)
      if (value === undefined) return this.#unclosedList(at)
      if (!separated) this.#faults.add(token.at, `expected "," or "]" before ${describe(token)}`)
      items.push(value)
      separated = false
    }
  }

  #element(depth: number): Value | undefined {
    const { type, at, text, first } = this.#token
    if (!this.#within(depth, at)) return undefined
    if (type === 'illegal' || (type === 'identifier' && !first)) {
      if (type === 'identifier') this.#faults.add(at, `${quoted(text)} is not a value: text needs double quotes`)
      this.#advance()
      return { kind: 'bad', at }
    }
    return this.#value(depth)
  }

  #unclosedList(at: Position): Value {
    if (this.#token.type !== 'end' || !this.#scanner.truncated) {
      this.#faults.add(at, `"[" is never closed: expected "]", got ${describe(this.#token)}`)
    }
    if (this.#token.type === '=') this.#resume()
    return { kind: 'bad', at }
  }
}
