import { derInteger, derSequence } from './x509/der-writer.js'

/** PSA's r and s side by side to X.509's `Ecdsa-Sig-Value` (RFC 3279, 2.2.3). */
export function ecdsaSignatureToDer(signature: Uint8Array): Uint8Array {
  const half = signature.length / 2
  return derSequence(derInteger(signature.subarray(0, half)), derInteger(signature.subarray(half)))
}
