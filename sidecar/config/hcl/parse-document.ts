import { isUtf8 } from 'node:buffer'
import type { Faults } from '../faults.js'
import type { Document } from './ast.js'
import { Budget, maxFileBytes } from './budget.js'
import { Cursor } from './cursor.js'
import { parseJson } from './json.js'
import { parseHcl } from './parser.js'

const start = { line: 1, column: 1 }
const byteOrderMark = '\ufeff'

/**
 * Parses a whole file: JSON when its first character is `{`, else HCL 1. Every syntax fault is reported; what could be
 * read in spite of them is returned, so that faults of meaning are found in the same run.
 */
export function parseDocument(source: string, faults: Faults): Document {
  const marked = source.startsWith(byteOrderMark)
  if (marked) faults.add(start, 'the file starts with a byte order mark: save it as UTF-8 without one')
  const text = source.slice(marked ? 1 : 0).replaceAll('\r\n', '\n')
  const cursor = new Cursor(text)
  const json = text.trimStart().startsWith('{')
  if (isReadable(text, cursor, faults)) {
    const parse = json ? parseJson : parseHcl
    return { body: parse(new Cursor(text), faults, new Budget(faults)), json }
  }
  return { body: { kind: 'object', items: [], at: start, broken: true }, json }
}

function isReadable(text: string, cursor: Cursor, faults: Faults): boolean {
  if (text.length > maxFileBytes) {
    faults.add(start, `the file is larger than ${maxFileBytes} bytes`)
    return false
  }
  const nul = text.indexOf('\0')
  if (nul === -1) return true
  faults.add(cursor.position(nul), 'NUL character: this is no text file')
  return false
}

/** The text of a file, or undefined after reporting where it stops being UTF-8. */
export function decodeSource(bytes: Buffer, faults: Faults): string | undefined {
  if (bytes.length > maxFileBytes) {
    faults.add(start, `the file is larger than ${maxFileBytes} bytes`)
    return undefined
  }
  if (isUtf8(bytes)) return bytes.toString('utf8')
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, validLength(bytes)), {
    stream: true,
  })
  faults.add(new Cursor(text).position(text.length), 'not UTF-8 from here on')
  return undefined
}

/** How many bytes can be read before one that fits no UTF-8 sequence: by bisection, since a prefix of a good one is good. */
function validLength(bytes: Buffer): number {
  let good = 0
  let bad = bytes.length + 1
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2)
    if (startsUtf8(bytes.subarray(0, middle))) good = middle
    else bad = middle
  }
  return good
}

function startsUtf8(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true })
    return true
  } catch (error) {
    if (error instanceof TypeError) return false
    throw error
  }
}
