const sequenceTag = 0x30

/**
 * Where the DER SEQUENCE that starts at `offset` ends, or undefined when none starts there or it runs past the input.
 * Strict DER: a length in a longer form than needed, or BER's indefinite one, is refused, since two encodings of one
 * certificate would be two fingerprints.
 */
export function sequenceEnd(bytes: Uint8Array, offset: number): number | undefined {
  const first = bytes[offset + 1]
  if (bytes[offset] !== sequenceTag || first === undefined) return undefined
  let length = first
  let header = 2
  if (first >= 0x80) {
    const octets = first - 0x80
    // Three octets name 16 MiB, more than any message that reaches us.
    if (octets === 0 || octets > 3) return undefined
    length = 0
    for (let index = 0; index < octets; index++) length = length * 256 + (bytes[offset + 2 + index] ?? 0)
    if (length < 0x80 || length < 256 ** (octets - 1)) return undefined
    header += octets
  }
  const end = offset + header + length
  return end <= bytes.length ? end : undefined
}

/**
 * Splits concatenated DER SEQUENCEs without reading into them: copies, so that none keeps the message it came in
 * alive. Undefined when a piece is malformed, something is left over, or there are more than `limit`.
 */
export function splitSequences(bytes: Uint8Array, limit: number): readonly Uint8Array[] | undefined {
  const pieces: Uint8Array[] = []
  for (let offset = 0; offset < bytes.length;) {
    const end = sequenceEnd(bytes, offset)
    if (end === undefined || pieces.length === limit) return undefined
    pieces.push(Uint8Array.from(bytes.subarray(offset, end)))
    offset = end
  }
  return pieces
}
