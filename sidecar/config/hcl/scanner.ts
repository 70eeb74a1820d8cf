import { quoted, type Faults, type Position } from '../faults.js'
import type { Cursor } from './cursor.js'
import { scanHeredoc } from './heredoc.js'
import { scanQuotedString } from './quoted-string.js'

export type Punctuation = '=' | '{' | '}' | '[' | ']' | ','
export type TokenType = Punctuation | 'identifier' | 'string' | 'heredoc' | 'number' | 'bool' | 'illegal' | 'end'

export interface Token {
  readonly type: TokenType
  /** The value of a string, the text of everything else. */
  readonly text: string
  readonly at: Position
  /** Nothing but blanks and comments stands before it on its line. */
  readonly first: boolean
}

const blanks = /[ \t\r]+/y
const identifier = /[\p{L}_][\p{L}\p{Nd}_.-]*/uy
const number = /-?(?:0[xX][0-9A-Fa-f]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/y
const lineRest = /[^\n]*/y
const illegalRun = /[^\n\s"'#/<[\]{}=,]+/uy
const singleQuoted = /'[^'\n]*'?/y
const punctuation: ReadonlySet<string> = new Set<Punctuation>(['=', '{', '}', '[', ']', ','])

/** Cuts HCL 1 into tokens, comments left out. A fault in a token is reported here and the token is `illegal`. */
export class Scanner {
  readonly #cursor: Cursor
  readonly #faults: Faults
  #line = 0
  #truncated = false

  constructor(cursor: Cursor, faults: Faults) {
    this.#cursor = cursor
    this.#faults = faults
  }

  /** The rest of the file was swallowed by something unterminated, or skipped: what is missing at its end is no fault. */
  get truncated(): boolean {
    return this.#truncated
  }

  /** Skips the rest of the file. */
  stop(): void {
    this.#truncated = true
    this.#cursor.offset = this.#cursor.text.length
  }

  next(): Token {
    this.#skipBlanksAndComments()
    const at = this.#cursor.position()
    const first = at.line !== this.#line
    const { type, text } = this.#token(at)
    this.#truncated ||= type === 'illegal' && this.#cursor.atEnd
    // A token may span lines: what follows it on its last line is not first there.
    this.#line = this.#cursor.position().line
    return { type, text, at, first }
  }

  #skipBlanksAndComments(): void {
    const cursor = this.#cursor
    for (;;) {
      cursor.take(blanks)
      const character = cursor.peek()
      if (character === '\n') cursor.offset++
      else if (character === '#' || (character === '/' && cursor.peek(1) === '/')) cursor.take(lineRest)
      else if (character === '/' && cursor.peek(1) === '*') this.#skipBlockComment()
      else return
    }
  }

  #skipBlockComment(): void {
    const end = this.#cursor.text.indexOf('*/', this.#cursor.offset + 2)
    if (end === -1) {
      this.#faults.add(this.#cursor.position(), 'comment not terminated: "/*" needs "*/"')
      this.stop()
    } else this.#cursor.offset = end + 2
  }

  #token(at: Position): Pick<Token, 'type' | 'text'> {
    const cursor = this.#cursor
    const character = cursor.peek()
    if (character === '') return { type: 'end', text: '' }
    if (isPunctuation(character)) {
      cursor.offset++
      return { type: character, text: character }
    }
    if (character === '"') return valueToken('string', scanQuotedString(cursor, this.#faults))
    if (character === '<') return valueToken('heredoc', scanHeredoc(cursor, this.#faults))
    const name = cursor.take(identifier)
    if (name !== undefined) return { type: name === 'true' || name === 'false' ? 'bool' : 'identifier', text: name }
    const digits = cursor.take(number)
    if (digits !== undefined) return this.#number(digits, at)
    return this.#illegal(at)
  }

  #number(text: string, at: Position): Pick<Token, 'type' | 'text'> {
    // HCL would read `10s` as 10 and a key "s"; whoever writes it means a duration.
    const suffix = this.#cursor.take(identifier)
    if (suffix !== undefined)
      this.#faults.add(at, `${quoted(text + suffix)} is not a number; as text it needs double quotes`)
    else if (/^-?0\d*[89]\d*$/.test(text))
      this.#faults.add(at, `illegal octal number ${quoted(text)}: a leading zero means octal`)
    else return { type: 'number', text }
    return { type: 'illegal', text: text + (suffix ?? '') }
  }

  #illegal(at: Position): Pick<Token, 'type' | 'text'> {
    const cursor = this.#cursor
    const single = cursor.take(singleQuoted)
    if (single !== undefined) {
      this.#faults.add(at, 'strings need double quotes, not single quotes')
      return { type: 'illegal', text: single }
    }
    const text = cursor.take(illegalRun) ?? cursor.text.charAt(cursor.offset++)
    this.#faults.add(at, `illegal character ${quoted(String.fromCodePoint(text.codePointAt(0) ?? 0))}`)
    return { type: 'illegal', text }
  }
}

function isPunctuation(character: string): character is Punctuation {
  return punctuation.has(character)
}

function valueToken(type: 'string' | 'heredoc', value: string | undefined): Pick<Token, 'type' | 'text'> {
  return value === undefined ? { type: 'illegal', text: '' } : { type, text: value }
}
