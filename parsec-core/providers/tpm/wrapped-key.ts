import { ParsecError } from '../../errors.js'
import { ResponseStatus } from '../../response-status.js'

/** What is kept of a key: nothing that is secret without its TPM. */
export interface WrappedKey {
  readonly rootName: Uint8Array
  readonly publicArea: Uint8Array
  readonly wrappedPrivate: Uint8Array
}

const formatVersion = 1

/** The version, then root Name, public area and wrapped private area, each with its length in front (16 bits). */
export function encodeWrappedKey({ rootName, publicArea, wrappedPrivate }: WrappedKey): Uint8Array {
  const parts = [rootName, publicArea, wrappedPrivate].map((part) =>
    Buffer.concat([Buffer.of(part.length >> 8, part.length & 0xff), part]),
  )
  return Buffer.concat([Buffer.of(formatVersion), ...parts])
}

/** Throws `PsaErrorDataCorrupt` for what `encodeWrappedKey` did not write. */
export function decodeWrappedKey(stored: Uint8Array): WrappedKey {
  const bytes = Buffer.from(stored)
  let offset = 1
  const next = () => {
    if (offset + 2 > bytes.length) throw corrupt()
    const end = offset + 2 + bytes.readUInt16BE(offset)
    if (end > bytes.length) throw corrupt()
    const part = Uint8Array.from(bytes.subarray(offset + 2, end))
    offset = end
    return part
  }
  if (bytes[0] !== formatVersion) throw corrupt()
  const wrapped = { rootName: next(), publicArea: next(), wrappedPrivate: next() }
  if (offset !== bytes.length) throw corrupt()
  return wrapped
}

function corrupt(): ParsecError {
  return new ParsecError(ResponseStatus.PsaErrorDataCorrupt, 'the stored key is no wrapped key of a TPM')
}
