import type { KeyObject } from 'node:crypto'
import { decodeUtf8, isJsonObject, readJsonObject, type JsonObject } from '../encoding/json.js'
import { SpiffeError } from '../errors.js'
import type { TrustDomain } from '../spiffe-id/trust-domain.js'
import { hasKnownKeyType, jwtAuthorityJwk, readPublicJwk } from './jwk.js'

/** The JWT bundles a workload holds; a token is judged by the one of its own trust domain only. */
export type JwtBundleSet = ReadonlyMap<TrustDomain, JwtBundle>

export type JwtAuthorities = ReadonlyMap<string, KeyObject>

/** Far above what is published, low enough that a hostile document costs little. */
const maxJwtAuthorities = 1_000

/** The JWT authorities of one trust domain (JWT-SVID section 6). Immutable; may be empty, then it trusts no token. */
export class JwtBundle {
  readonly trustDomain: TrustDomain
  /** Public keys by their key ID. */
  readonly jwtAuthorities: JwtAuthorities

  private constructor(trustDomain: TrustDomain, jwtAuthorities: JwtAuthorities) {
    this.trustDomain = trustDomain
    this.jwtAuthorities = jwtAuthorities
  }

  /** @throws {SpiffeError} `ERR_JWT_BUNDLE_INVALID` when a key is no public RSA or EC key */
  static fromJwtAuthorities(
    trustDomain: TrustDomain,
    jwtAuthorities: Iterable<readonly [string, KeyObject]>,
  ): JwtBundle {
    const authorities = new Map(jwtAuthorities)
    for (const [keyId, key] of authorities) {
      const known = key.asymmetricKeyType === 'rsa' || key.asymmetricKeyType === 'ec'
      if (keyId === '' || key.type !== 'public' || !known)
        throw invalid(trustDomain, 'an authority is no public RSA or EC key')
    }
    return new JwtBundle(trustDomain, authorities)
  }

  /**
   * Reads a JWK Set, UTF-8 or text, as the Workload API sends it. Keys for other uses or of unknown types, and keys
   * without an ID, are ignored; those without a use count, since SPIRE's have none.
   *
   * @throws {SpiffeError} `ERR_JWT_BUNDLE_INVALID`
   */
  static parse(trustDomain: TrustDomain, jwks: Uint8Array | string): JwtBundle {
    const text = typeof jwks === 'string' ? jwks : decodeUtf8(jwks)
    const keys = text === undefined ? undefined : readJsonObject(text)?.['keys']
    if (!Array.isArray(keys)) throw invalid(trustDomain, 'it is not a JWK Set')
    const entries = keys.filter(isJsonObject)
    if (entries.length !== keys.length) throw invalid(trustDomain, 'a key is not an object')
    const wanted = entries.filter(({ use }) => use === undefined || use === 'jwt-svid')
    return new JwtBundle(
      trustDomain,
      readJwtAuthorities(wanted, (reason) => invalid(trustDomain, reason)),
    )
  }

  /** A JWK Set, what `parse` reads. */
  marshal(): string {
    return JSON.stringify({ keys: [...this.jwtAuthorities].map(([keyId, key]) => jwtAuthorityJwk(keyId, key)) })
  }

  /** Whether it is the same trust domain with the same keys by the same IDs, in whatever order. */
  equals(other: JwtBundle): boolean {
    return (
      this.trustDomain === other.trustDomain &&
      this.jwtAuthorities.size === other.jwtAuthorities.size &&
      [...this.jwtAuthorities].every(([keyId, key]) => other.jwtAuthorities.get(keyId)?.equals(key) === true)
    )
  }
}

/**
 * The keys of `jwt-svid` entries by their IDs; entries without an ID or of an unknown type are ignored, a damaged one is
 * not: a bundle without a key it means to have would refuse good tokens and nobody would know why.
 */
export function readJwtAuthorities(entries: readonly JsonObject[], fault: (reason: string) => Error): JwtAuthorities {
  const authorities = new Map<string, KeyObject>()
  for (const entry of entries) {
    const { kid } = entry
    if (typeof kid !== 'string' || kid === '' || !hasKnownKeyType(entry)) continue
    const key = readPublicJwk(entry)
    if (key === undefined) throw fault('a key is damaged')
    // Two keys of one name: which of them a token means, nobody can say.
    if (authorities.get(kid)?.equals(key) === false) throw fault('two different keys have the same ID')
    authorities.set(kid, key)
    if (authorities.size > maxJwtAuthorities) throw fault(`it has more than ${maxJwtAuthorities} keys`)
  }
  return authorities
}

function invalid(trustDomain: TrustDomain, reason: string): SpiffeError {
  const message = `the JWT bundle of trust domain "${trustDomain}" is invalid: ${reason}`
  return new SpiffeError('ERR_JWT_BUNDLE_INVALID', message)
}
