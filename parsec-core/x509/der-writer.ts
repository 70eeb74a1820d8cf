/** Writes DER (X.690): each function gives one whole element. Only what certificates and requests are made of. */

/** An element of any tag over the elements or bytes it holds. */
export function derElement(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents)
  return Buffer.concat([Buffer.of(tag), derLength(body.length), body])
}

function derLength(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length)
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return Buffer.of(0x80 | bytes.length, ...bytes)
}

export function derSequence(...items: readonly Uint8Array[]): Buffer {
  return derElement(0x30, ...items)
}

export function derSet(...items: readonly Uint8Array[]): Buffer {
  return derElement(0x31, ...items)
}

/** A non-negative integer from its big-endian bytes, in the shortest form. */
export function derInteger(bytes: Uint8Array | number): Buffer {
  const value = typeof bytes === 'number' ? Buffer.of(bytes) : bytes
  let start = 0
  while (start < value.length - 1 && value[start] === 0) start += 1
  const trimmed = value.subarray(start)
  // A leading bit of one would make it negative.
  return (trimmed[0] ?? 0) & 0x80 ? derElement(0x02, Buffer.of(0), trimmed) : derElement(0x02, trimmed)
}

export function derBoolean(value: boolean): Buffer {
  return derElement(0x01, Buffer.of(value ? 0xff : 0))
}

export function derNull(): Buffer {
  return derElement(0x05)
}

export function derOctetString(bytes: Uint8Array): Buffer {
  return derElement(0x04, bytes)
}

/** Whole bytes; `unused` low bits of the last one do not count. */
export function derBitString(bytes: Uint8Array, unused = 0): Buffer {
  return derElement(0x03, Buffer.of(unused), bytes)
}

export function derUtf8String(text: string): Buffer {
  return derElement(0x0c, Buffer.from(text, 'utf8'))
}

/** A context-specific tag: constructed ([n] around elements) or primitive ([n] IMPLICIT over bytes). */
export function derContext(number: number, constructed: boolean, ...contents: readonly Uint8Array[]): Buffer {
  return derElement(0x80 | (constructed ? 0x20 : 0) | number, ...contents)
}

/** An object identifier in dots: `2.5.29.17`. */
export function derObjectIdentifier(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  return derElement(0x06, Buffer.from([first * 40 + second, ...rest].flatMap(base128)))
}

function base128(arc: number): number[] {
  const digits = [arc % 128]
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) digits.unshift((rest % 128) | 0x80)
  return digits
}

/** RFC 5280, 4.1.2.5: UTCTime until 2049, GeneralizedTime from 2050 on. Milliseconds are cut off. */
export function derTime(time: Date): Buffer {
  const digits = time.toISOString().replaceAll(/[-T:]|\.\d+/gu, '')
  return time.getUTCFullYear() < 2050
    ? derElement(0x17, Buffer.from(digits.slice(2), 'ascii'))
    : derElement(0x18, Buffer.from(digits, 'ascii'))
}
