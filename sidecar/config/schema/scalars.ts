import { parseDuration } from '../duration.js'
import { quoted } from '../faults.js'
import type { Value } from '../hcl/index.js'
import type { Reading, ValueType } from './spec.js'

/** A value, or what is wrong with the text. */
export type Parsed<T> = { readonly value: T } | { readonly fault: string }

const kinds: Readonly<Record<Value['kind'], string>> = {
  string: 'a string',
  number: 'a number',
  bool: 'true or false',
  null: 'null',
  list: 'a list',
  object: 'a block',
  bad: 'a faulty value',
}

/** Reports a value of the wrong kind. */
export function wrongKind(value: Value, key: string, needs: string, { faults }: Reading): undefined {
  if (value.kind !== 'bad') faults.add(value.at, `${quoted(key)} needs ${needs}, not ${kinds[value.kind]}`)
}

/** A type made from text. As in HCL 1, a bare number is text as it is written. */
export function textType<T>(
  name: string,
  needs: string,
  parse: (text: string, reading: Reading) => Parsed<T>,
): ValueType<T> {
  return {
    name,
    read(value, key, reading) {
      if (value.kind !== 'string' && value.kind !== 'number') return wrongKind(value, key, needs, reading)
      const parsed = parse(value.text, reading)
      if ('value' in parsed) return parsed.value
      reading.faults.add(value.at, `${quoted(key)} ${parsed.fault}`)
      return undefined
    },
  }
}

/** Text without control characters and within `maxLength` characters; empty only where `empty` is true. */
export function text(name = 'string', options: { maxLength?: number; empty?: boolean } = {}): ValueType<string> {
  const { maxLength = 4096, empty = false } = options
  return textType(name, 'a string', (value) => {
    if (value === '' && !empty) return { fault: 'is empty' }
    if (value.length > maxLength) return { fault: `is longer than ${maxLength} characters` }
    return /\p{Cc}/u.test(value) ? { fault: 'has a control character in it' } : { value }
  })
}

export const flag: ValueType<boolean> = {
  name: 'bool',
  read: (value, key, reading) =>
    value.kind === 'bool' ? value.value : wrongKind(value, key, 'true or false without quotes', reading),
}

const integerText = /^-?(?:0[xX][0-9A-Fa-f]+|0[oO]?[0-7]*|[1-9]\d*)$/

/** An integer as HCL 1 writes it: decimal, `0x1f`, `0644` (octal), and the same in quotes, where `0o644` is octal too. */
export function parseInteger(written: string): number | undefined {
  if (!integerText.test(written)) return undefined
  const negative = written.startsWith('-')
  const digits = written.slice(negative ? 1 : 0).replace(/^0[oO]?(?=[0-7])/, '0o')
  const value = Number(digits)
  return Number.isSafeInteger(value) ? (negative ? -value : value) : undefined
}

export function integer(min: number, max: number): ValueType<number> {
  return textType('integer', `a whole number from ${min} to ${max}`, (written) => {
    const value = parseInteger(written)
    return value !== undefined && value >= min && value <= max
      ? { value }
      : { fault: `needs a whole number from ${min} to ${max}` }
  })
}

/** A Go duration in whole milliseconds. `min` and `max` are durations too, so that messages can show them. */
export function duration(min: string, max: string): ValueType<number> {
  const minMs = parseDuration(min) ?? 0
  const maxMs = parseDuration(max) ?? 0
  return textType('duration', 'a duration such as "10s"', (written) => {
    const value = parseDuration(written)
    if (value === undefined) return { fault: `needs a duration such as "10s" or "1m30s", not ${quoted(written)}` }
    if (value < minMs || value > maxMs) return { fault: `needs a duration from ${min} to ${max}` }
    return { value: Math.round(value) }
  })
}

/** Permission bits. Octal with its leading zero only: `644` would be 01204. */
export const fileMode: ValueType<number> = textType('file mode', 'an octal file mode such as 0600', (written) => {
  const value = /^0[oO]?[0-7]{1,4}$/.test(written) ? parseInteger(written) : undefined
  return value !== undefined && value > 0 && value <= 0o777
    ? { value }
    : { fault: 'needs an octal file mode with a leading zero, from 0001 to 0777, such as 0600' }
})

export function oneOf<const T extends string>(...values: readonly T[]): ValueType<T> {
  const all = values.map((value) => `"${value}"`).join(' or ')
  return textType(values.map((value) => `\`${value}\``).join(' or '), all, (written) => {
    const value = values.find((candidate) => candidate === written)
    return value === undefined ? { fault: `needs ${all}, not ${quoted(written)}` } : { value }
  })
}
