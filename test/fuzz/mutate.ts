/** Inputs made from good ones by chance that can be had again: the seed is in every failure. */

/** Mulberry32: 32 bits of state, the same numbers on every machine. */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }

  of<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)]!
  }
}

/** What breaks parsers: lengths, delimiters, ends, and what other encodings mean by them. */
const pieces = [
  '',
  '\u0000',
  '\n',
  '\r\n',
  ' ',
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  '.',
  '..',
  '/',
  '//',
  '%2e',
  '%00',
  '@',
  '#',
  '?',
  '-----BEGIN CERTIFICATE-----',
  '-----END CERTIFICATE-----',
  '=',
  '==',
  '-',
  '_',
  '+',
  'null',
  '-1',
  '1e999',
  '18446744073709551616',
  '\u0030\u0080',
  '\u0030\u0084\u00ff\u00ff\u00ff\u00ff',
  '\u0030\u0000',
  '\u00ff\u00fe',
  '\u202e',
  '\ud800',
  '__proto__',
].map((text) => Buffer.from(text, 'latin1'))

/** One to eight changes of a good input. */
export function mutate(good: Uint8Array, chance: Chance): Buffer {
  let bytes: Buffer = Buffer.from(good)
  for (let changes = 1 + chance.below(8); changes > 0; changes -= 1) bytes = changed(bytes, chance)
  return bytes
}

function changed(bytes: Buffer, chance: Chance): Buffer {
  const at = chance.below(bytes.length + 1)
  const until = Math.min(bytes.length, at + chance.below(16))
  const [before, between, after] = [bytes.subarray(0, at), bytes.subarray(at, until), bytes.subarray(until)]
  switch (chance.below(6)) {
    case 0:
      return Buffer.concat([before, after])
    case 1:
      return Buffer.concat([before, between, between, after])
    case 2:
      return Buffer.concat([before, chance.of(pieces), between, after])
    case 3:
      return Buffer.concat([before, chance.of(pieces), after])
    case 4:
      return Buffer.from(before)
    default: {
      const copy = Buffer.from(bytes)
      if (copy.length > 0) copy[at % copy.length] = chance.below(256)
      return copy
    }
  }
}
