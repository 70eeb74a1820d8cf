import { ParsecError } from './errors.js'
import { curveOfBits } from './key-format.js'
import { ResponseStatus } from './response-status.js'
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
