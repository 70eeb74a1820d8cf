import { invalidArgument, ParsecError } from './errors.js'
import { curveOfBits } from './key-format.js'
import { ResponseStatus } from './response-status.js'
import { DerReader } from './x509/der-reader.js'
import { derInteger, derSequence } from './x509/der-writer.js'

/**
 * PSA's r and s side by side to X.509's `Ecdsa-Sig-Value` (RFC 3279, 2.2.3). Throws `PsaErrorGenericError` for a
 * signature of another length: a device gave it, and halving it would make a different one.
 */
export function ecdsaSignatureToDer(keyBits: number, signature: Uint8Array): Uint8Array {
  const { size } = curveOfBits(keyBits)
  if (signature.length !== 2 * size) {
    throw new ParsecError(
      ResponseStatus.PsaErrorGenericError,
      `an ECDSA signature of this key has ${2 * size} bytes, not ${signature.length}`,
    )
  }
  return derSequence(derInteger(signature.subarray(0, size)), derInteger(signature.subarray(size)))
}

/**
 * X.509's `Ecdsa-Sig-Value` to r and s side by side, as a JWS has them (RFC 7518, 3.4). Throws `ParsecError`
 * (`PsaErrorInvalidArgument`) for bytes that are none, or of another curve.
 */
export function ecdsaSignatureFromDer(keyBits: number, signature: Uint8Array): Uint8Array {
  const { size } = curveOfBits(keyBits)
  const outer = new DerReader(signature)
  const sequence = new DerReader(outer.read(0x30).contents)
  outer.end()
  const halves = [sequence.read(0x02), sequence.read(0x02)].map(({ contents }) => unsignedOf(contents, size))
  sequence.end()
  return Buffer.concat(halves)
}

function unsignedOf(integer: Uint8Array, size: number): Buffer {
  const value = integer[0] === 0 ? integer.subarray(1) : integer
  if (value.length > size) throw invalidArgument('a number of an ECDSA signature is longer than its curve')
  return Buffer.concat([Buffer.alloc(size - value.length), value])
}
