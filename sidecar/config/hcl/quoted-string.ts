import type { Faults } from '../faults.js'
import type { Cursor } from './cursor.js'

const plain = /[^"\\$\n]+/y
const octalEscape = /\\[0-7]{3}/y
const hexEscape = /\\x[0-9A-Fa-f]{2}/y
const unicodeEscape = /\\(?:u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})/y

const simpleEscapes: ReadonlyMap<string, string> = new Map([
  ['a', '\u0007'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
  ['\\', '\\'],
  ['"', '"'],
])

/**
 * Reads a double-quoted string, the cursor on its opening quote. `\ooo` and `\xHH` are bytes, so that several of them
 * may spell one character; `${…}` is kept as it stands, quotes, backslashes and line ends included.
 *
 * @returns its value, or undefined after reporting a fault; the cursor is past the string, or at the end of the line
 * that did not close it
 */
export function scanQuotedString(cursor: Cursor, faults: Faults): string | undefined {
  const start = cursor.position()
  const pieces = new Pieces()
  let bad = false
  cursor.offset++
  for (;;) {
    const run = cursor.take(plain)
    if (run !== undefined) pieces.text(run)
    const character = cursor.peek()
    if (character === '"') break
    if (character === '' || character === '\n') {
      faults.add(start, 'string not terminated: a string ends with a double quote on the same line')
      return undefined
    }
    if (character === '\\') bad = !scanEscape(cursor, faults, pieces) || bad
    else if (cursor.peek(1) !== '{') pieces.text(advance(cursor, 1))
    else {
      const verbatim = scanInterpolation(cursor)
      if (verbatim === undefined) {
        faults.add(start, 'string not terminated: the "${" in it has no closing brace')
        return undefined
      }
      pieces.text(verbatim)
    }
  }
  cursor.offset++
  const value = pieces.join()
  if (value === undefined) faults.add(start, 'the bytes written as escapes are not valid UTF-8')
  return bad ? undefined : value
}

/** Texts and single bytes in a row; together they must be UTF-8. */
class Pieces {
  #parts: (string | number)[] = []
  #bytes = false

  text(text: string): void {
    this.#parts.push(text)
  }

  byte(byte: number): void {
    this.#bytes ||= byte > 0x7f
    this.#parts.push(byte)
  }

  join(): string | undefined {
    if (!this.#bytes)
      return this.#parts.map((part) => (typeof part === 'number' ? String.fromCharCode(part) : part)).join('')
    const buffers = this.#parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part)))
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(buffers))
    } catch (error) {
      if (error instanceof TypeError) return undefined
      throw error
    }
  }
}

function scanEscape(cursor: Cursor, faults: Faults, pieces: Pieces): boolean {
  const simple = simpleEscapes.get(cursor.peek(1))
  if (simple !== undefined) {
    cursor.offset += 2
    pieces.text(simple)
    return true
  }
  const at = cursor.position()
  const octal = cursor.take(octalEscape)
  const byte = octal === undefined ? cursor.take(hexEscape)?.slice(2) : undefined
  const code = octal === undefined ? Number.parseInt(byte ?? '', 16) : Number.parseInt(octal.slice(1), 8)
  if (code <= 0xff) {
    pieces.byte(code)
    return true
  }
  const point = Number.parseInt(cursor.take(unicodeEscape)?.slice(2) ?? '', 16)
  if (point <= 0x10ffff && (point < 0xd800 || point > 0xdfff)) {
    pieces.text(String.fromCodePoint(point))
    return true
  }
  faults.add(at, 'illegal escape: known are \\a \\b \\f \\n \\r \\t \\v \\\\ \\" \\ooo \\xHH \\uXXXX \\UXXXXXXXX')
  // Past the backslash and what it escapes, never past the end of the line or the closing quote of the string.
  if (octal === undefined && Number.isNaN(point)) advance(cursor, /[\n"]/.test(cursor.peek(1)) ? 1 : 2)
  return false
}

function scanInterpolation(cursor: Cursor): string | undefined {
  const start = cursor.offset
  let braces = 0
  for (let offset = start + 1; offset < cursor.text.length; offset++) {
    const character = cursor.text.charAt(offset)
    if (character === '{') braces++
    else if (character === '}' && --braces === 0) return advance(cursor, offset + 1 - start)
  }
  cursor.offset = cursor.text.length
  return undefined
}

function advance(cursor: Cursor, length: number): string {
  const text = cursor.text.slice(cursor.offset, cursor.offset + length)
  cursor.offset += text.length
  return text
}
