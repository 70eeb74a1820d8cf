import type { Algorithm } from '../algorithm.js'
import { notSupported } from '../errors.js'
import type { Signer } from '../signer.js'
import { derElement, derNull, derObjectIdentifier, derSequence } from './der-writer.js'

/**
 * How X.509 names the algorithms certificates and requests are signed with (RFC 5758, RFC 4055). PSS is left out: its
 * parameters are a structure many a verifier refuses, and PKCS#1 v1.5 is what authorities sign with.
 */
const algorithmIdentifiers: ReadonlyMap<Algorithm, Buffer> = new Map([
  ['EcdsaSha256', derSequence(derObjectIdentifier('1.2.840.10045.4.3.2'))],
  ['EcdsaSha384', derSequence(derObjectIdentifier('1.2.840.10045.4.3.3'))],
  ['EcdsaSha512', derSequence(derObjectIdentifier('1.2.840.10045.4.3.4'))],
  ['RsaPkcs1v15Sha256', derSequence(derObjectIdentifier('1.2.840.113549.1.1.11'), derNull())],
  ['RsaPkcs1v15Sha384', derSequence(derObjectIdentifier('1.2.840.113549.1.1.12'), derNull())],
  ['RsaPkcs1v15Sha512', derSequence(derObjectIdentifier('1.2.840.113549.1.1.13'), derNull())],
])

export interface X509SignatureAlgorithm {
  readonly algorithm: Algorithm
  /** The `AlgorithmIdentifier`, DER. */
  readonly identifier: Uint8Array
}

/** The first of the signer's algorithms that X.509 can name. Throws `PsaErrorNotSupported` when there is none. */
export function x509SignatureAlgorithmOf(signer: Pick<Signer, 'algorithms'>): X509SignatureAlgorithm {
  for (const algorithm of signer.algorithms) {
    const identifier = algorithmIdentifiers.get(algorithm)
    if (identifier) return { algorithm, identifier }
  }
  throw notSupported('the key permits no algorithm a certificate can be signed with')
}

/** The algorithm an `AlgorithmIdentifier` names; undefined for one that is not in the table to the byte. */
export function algorithmOfX509Identifier(identifier: Uint8Array): Algorithm | undefined {
  for (const [algorithm, known] of algorithmIdentifiers) if (known.equals(identifier)) return algorithm
  return undefined
}

/** Signs the part to be signed and closes the structure around it: a certificate and a request share this shape. */
export async function signX509Structure(signer: Signer, toBeSigned: Uint8Array): Promise<Uint8Array> {
  const { algorithm, identifier } = x509SignatureAlgorithmOf(signer)
  const signature = await signer.sign(algorithm, toBeSigned)
  return derSequence(toBeSigned, identifier, derElement(0x03, Buffer.of(0), signature))
}
