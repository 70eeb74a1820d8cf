import type { Algorithm } from './algorithm.js'

/** PSA key types; only the kinds a signature needs exist so far. `SecpR1` are the NIST curves. */
export type KeyType = { readonly kind: 'EccKeyPair'; readonly curveFamily: 'SecpR1' } | { readonly kind: 'RsaKeyPair' }

/** psa_key_usage_t, in Parsec's order. */
export const usageFlags = [
  'export',
  'copy',
  'cache',
  'encrypt',
  'decrypt',
  'signMessage',
  'verifyMessage',
  'signHash',
  'verifyHash',
  'derive',
] as const
export type UsageFlag = (typeof usageFlags)[number]

/**
 * psa_key_lifetime_t. A volatile key is gone with the provider that made it and never enters a key store to stay; a
 * persistent one is there again at the next start.
 */
export type KeyLifetime = 'volatile' | 'persistent'

/**
 * psa_key_attributes_t. PSA permits a key one algorithm (or one with a wildcard for the hash); a TLS key needs
 * several, PSS and PKCS#1 v1.5 for instance, so the policy is a list and the operation must name one of it exactly.
 */
export interface KeyAttributes {
  readonly keyType: KeyType
  /** 256, 384 or 521 for a curve, the modulus for RSA. */
  readonly keyBits: number
  readonly usageFlags: readonly UsageFlag[]
  readonly permittedAlgorithms: readonly Algorithm[]
  readonly lifetime: KeyLifetime
}

/** A key's name inside one provider: two applications may use the same name. */
export interface KeyIdentity {
  /** Who owns the key; never empty. */
  readonly applicationIdentity: string
  readonly keyName: string
}

/** Where a key's private half came into being. */
export type KeyOrigin = 'generated' | 'imported'

/** What a provider tells of a key it holds. */
export interface KeyInfo {
  readonly identity: KeyIdentity
  readonly attributes: KeyAttributes
  readonly origin: KeyOrigin
  /** `software`, `generated in Tpm`, `imported into Pkcs11`: true of the key, never of the wish. */
  readonly residency: string
  /** Why the device no longer has the key, for one that is known and cannot be used; absent for all others. */
  readonly missing?: string
}
