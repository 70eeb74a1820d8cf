import { createPublicKey, type KeyObject } from 'node:crypto'
import { notSupported } from '../../errors.js'
import type { KeyAttributes } from '../../key-attributes.js'
import { privateKeyFromPsa, psaPublicKeyOf, publicKeyFromPsa } from '../../key-format.js'
import { DerReader } from '../../x509/der-reader.js'
import { derInteger, derSequence } from '../../x509/der-writer.js'
import type { SensitiveArea } from './duplication.js'

/** The exponent a TPM gives the keys it makes, and the only one this provider takes. */
const publicExponent = 65537
const publicExponentBytes = Buffer.of(1, 0, 1)

/** The TPM's form of a public key: x and y side by side, or the modulus. */
export function publicKeyFromTpm(attributes: KeyAttributes, bytes: Uint8Array): KeyObject {
  const psa =
    attributes.keyType.kind === 'RsaKeyPair'
      ? derSequence(derInteger(bytes), derInteger(publicExponentBytes))
      : Buffer.concat([Buffer.of(0x04), bytes])
  return publicKeyFromPsa(attributes, psa)
}

/** A private key taken apart the way a TPM takes it. Whoever asked wipes `sensitive.value`. */
export interface TpmKeyMaterial {
  readonly publicKey: Uint8Array
  readonly sensitive: SensitiveArea
}

/** From PSA's format. Throws `PsaErrorInvalidArgument` or `PsaErrorNotSupported`. */
export function materialOf(attributes: KeyAttributes, data: Uint8Array): TpmKeyMaterial {
  const publicKey = createPublicKey(privateKeyFromPsa(attributes, data))
  if (attributes.keyType.kind === 'EccKeyPair') {
    const sensitive = { kind: 'ecc', value: Uint8Array.from(data) } as const
    return { publicKey: psaPublicKeyOf(publicKey).subarray(1), sensitive }
  }
  if (publicKey.asymmetricKeyDetails?.publicExponent !== BigInt(publicExponent)) {
    throw notSupported(`a TPM takes RSA keys with the public exponent ${publicExponent} only`)
  }
  return rsaMaterial(attributes.keyBits, data)
}

/** PKCS#1 `RSAPrivateKey`: version, modulus, both exponents, the primes (RFC 8017, A.1.2). A TPM wants one prime. */
function rsaMaterial(keyBits: number, data: Uint8Array): TpmKeyMaterial {
  const fields = new DerReader(new DerReader(data).read(0x30).contents)
  const next = () => withoutSign(fields.read(0x02).contents)
  next()
  const modulus = next()
  next()
  next()
  const prime = next()
  if (prime.length !== keyBits / 16) throw notSupported('a TPM takes RSA keys whose two primes are equally long only')
  return { publicKey: modulus, sensitive: { kind: 'rsa', value: prime } }
}

function withoutSign(integer: Uint8Array): Uint8Array {
  return Uint8Array.from(integer[0] === 0 ? integer.subarray(1) : integer)
}
