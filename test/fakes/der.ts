/** Writes DER (X.690), and on request what DER forbids: the tests' certificates must be able to be wrong. */

export type Der = Uint8Array

/** One value of a one-byte tag; the length is written in its shortest form. */
export function tlv(tag: number, ...contents: readonly Uint8Array[]): Der {
  const content = Buffer.concat(contents)
  return Buffer.concat([Buffer.from([tag]), length(content.length), content])
}

function length(bytes: number): Uint8Array {
  if (bytes < 0x80) return Buffer.from([bytes])
  const digits = minimalBytes(BigInt(bytes))
  return Buffer.concat([Buffer.from([0x80 | digits.length]), digits])
}

function minimalBytes(value: bigint): Uint8Array {
  const digits = value.toString(16)
  return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
}

export function sequence(...contents: readonly Uint8Array[]): Der {
  return tlv(0x30, ...contents)
}

export function set(...contents: readonly Uint8Array[]): Der {
  return tlv(0x31, ...contents)
}

/** `[number] EXPLICIT`, or an IMPLICIT constructed value. */
export function constructed(number: number, ...contents: readonly Uint8Array[]): Der {
  return tlv(0xa0 | number, ...contents)
}

/** `[number] IMPLICIT` of a primitive type. */
export function primitive(number: number, content: Uint8Array): Der {
  return tlv(0x80 | number, content)
}

export function boolean(value: boolean): Der {
  return tlv(0x01, Buffer.from([value ? 0xff : 0x00]))
}

/** A non-negative integer. */
export function integer(value: bigint | number): Der {
  const magnitude = minimalBytes(BigInt(value))
  const signed = (magnitude[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), magnitude]) : magnitude
  return tlv(0x02, signed)
}

/** A string of named bits, trailing zero bits left out. Bit 0 is the first. */
export function namedBits(bits: readonly number[]): Der {
  if (bits.length === 0) return tlv(0x03, Buffer.from([0]))
  const last = Math.max(...bits)
  const bytes = Buffer.alloc(Math.floor(last / 8) + 1)
  for (const bit of bits) bytes[Math.floor(bit / 8)]! |= 0x80 >> (bit % 8)
  return tlv(0x03, Buffer.from([7 - (last % 8)]), bytes)
}

export function bitString(content: Uint8Array): Der {
  return tlv(0x03, Buffer.from([0]), content)
}

export function octetString(content: Uint8Array): Der {
  return tlv(0x04, content)
}

export function utf8String(text: string): Der {
  return tlv(0x0c, Buffer.from(text))
}

export const nullValue: Der = tlv(0x05)

/** `oid('2.5.29.17')` */
export function oid(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(arc: number): number[] {
  const digits = [arc & 0x7f]
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) digits.unshift(0x80 | (rest & 0x7f))
  return digits
}

/** RFC 5280 section 4.1.2.5: UTCTime up to 2049, GeneralizedTime from 2050. Fractions of a second are dropped. */
export function time(date: Date): Der {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, '')
  return date.getUTCFullYear() < 2050 ? tlv(0x17, Buffer.from(digits.slice(2))) : tlv(0x18, Buffer.from(digits))
}
