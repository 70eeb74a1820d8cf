import { tableKeys } from './table-keys.js'

/** The hashes an algorithm may name, as `node:crypto` spells them. */
export type HashName = 'sha256' | 'sha384' | 'sha512'

export type SignatureScheme = 'ecdsa' | 'rsa-pkcs1v15' | 'rsa-pss'

/** Everything the code below needs to know of an algorithm; it reads an entry and never switches on a name. */
export interface AlgorithmDescriptor {
  readonly scheme: SignatureScheme
  /** The kind of key that can carry it. */
  readonly keyKind: 'EccKeyPair' | 'RsaKeyPair'
  readonly hash: HashName
  /** Bytes. */
  readonly hashLength: number
}

function descriptor(scheme: SignatureScheme, hash: HashName, hashLength: number): AlgorithmDescriptor {
  return { scheme, keyKind: scheme === 'ecdsa' ? 'EccKeyPair' : 'RsaKeyPair', hash, hashLength }
}

/** RSA-PSS salts are as long as the hash (RFC 8446, 4.2.3), so a salt length is no part of an entry. */
const table = {
  EcdsaSha256: descriptor('ecdsa', 'sha256', 32),
  EcdsaSha384: descriptor('ecdsa', 'sha384', 48),
  EcdsaSha512: descriptor('ecdsa', 'sha512', 64),
  RsaPkcs1v15Sha256: descriptor('rsa-pkcs1v15', 'sha256', 32),
  RsaPkcs1v15Sha384: descriptor('rsa-pkcs1v15', 'sha384', 48),
  RsaPkcs1v15Sha512: descriptor('rsa-pkcs1v15', 'sha512', 64),
  RsaPssSha256: descriptor('rsa-pss', 'sha256', 32),
  RsaPssSha384: descriptor('rsa-pss', 'sha384', 48),
  RsaPssSha512: descriptor('rsa-pss', 'sha512', 64),
} as const

/** A signature algorithm: scheme and hash, as PSA's `AsymmetricSignature` with a specific hash. */
export type Algorithm = keyof typeof table

const descriptors = new Map<string, AlgorithmDescriptor>(Object.entries(table))

/** Every algorithm there is, in the order of the table. */
export const algorithms = tableKeys(table)

export function describeAlgorithm(algorithm: Algorithm): AlgorithmDescriptor {
  return table[algorithm]
}

/** For names that come from outside: a stored key's attributes, a message. */
export function isAlgorithm(name: string): name is Algorithm {
  return descriptors.has(name)
}
