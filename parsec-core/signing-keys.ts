import type { Algorithm } from './algorithm.js'
import type { KeyAttributes, KeyLifetime, KeyType, UsageFlag } from './key-attributes.js'
import { tableKeys } from './table-keys.js'

const secpR1: KeyType = { kind: 'EccKeyPair', curveFamily: 'SecpR1' }
const rsa: KeyType = { kind: 'RsaKeyPair' }

/** TLS 1.3 signs with PSS; PKCS#1 v1.5 remains for certificates, requests and TLS 1.2 (RFC 8446, 4.2.3). */
const rsaAlgorithms: readonly Algorithm[] = [
  'RsaPssSha256',
  'RsaPssSha384',
  'RsaPssSha512',
  'RsaPkcs1v15Sha256',
  'RsaPkcs1v15Sha384',
  'RsaPkcs1v15Sha512',
]

/** TLS 1.3 binds a curve to one hash, so a signing key permits that one only. */
const table = {
  'ec-p256': { keyType: secpR1, keyBits: 256, permittedAlgorithms: ['EcdsaSha256'] },
  'ec-p384': { keyType: secpR1, keyBits: 384, permittedAlgorithms: ['EcdsaSha384'] },
  'ec-p521': { keyType: secpR1, keyBits: 521, permittedAlgorithms: ['EcdsaSha512'] },
  'rsa-2048': { keyType: rsa, keyBits: 2048, permittedAlgorithms: rsaAlgorithms },
  'rsa-3072': { keyType: rsa, keyBits: 3072, permittedAlgorithms: rsaAlgorithms },
  'rsa-4096': { keyType: rsa, keyBits: 4096, permittedAlgorithms: rsaAlgorithms },
} as const satisfies Record<string, Omit<KeyAttributes, 'usageFlags' | 'lifetime'>>

const signingUsage: readonly UsageFlag[] = ['signMessage', 'verifyMessage', 'signHash', 'verifyHash']

/** `key_type` as an operator writes it. */
export type SigningKeyType = keyof typeof table

export const signingKeyTypes = tableKeys(table)

/** The attributes of a key that signs and does nothing else; not exportable. Volatile when nothing is said, as in PSA. */
export function signingKeyAttributes(type: SigningKeyType, lifetime: KeyLifetime = 'volatile'): KeyAttributes {
  return { ...table[type], usageFlags: signingUsage, lifetime }
}

/** The operator's name of a key's type; undefined for a type no operator can name. */
export function signingKeyTypeOf(attributes: Pick<KeyAttributes, 'keyType' | 'keyBits'>): SigningKeyType | undefined {
  return signingKeyTypes.find(
    (type) => table[type].keyType.kind === attributes.keyType.kind && table[type].keyBits === attributes.keyBits,
  )
}
