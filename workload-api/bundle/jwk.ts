import { createPublicKey, X509Certificate, type KeyObject } from 'node:crypto'
import { decodeBase64, decodeBase64Url } from '../encoding/base64.js'
import type { JsonObject } from '../encoding/json.js'
import { readCertificate } from '../x509/certificate.js'

/** SPIFFE Trust Domain and Bundle section 4.2.2; case-sensitive. */
export type KeyUse = 'x509-svid' | 'jwt-svid'

/** The public members of the key types we know (RFC 7518 section 6); of nothing else is a key made. */
const publicMembers: Readonly<Record<string, readonly string[]>> = Object.assign(Object.create(null), {
  RSA: ['n', 'e'],
  EC: ['crv', 'x', 'y'],
})
const knownCurves: ReadonlySet<unknown> = new Set(['P-256', 'P-384', 'P-521'])

/** Whether an entry's key type is one of ours; an entry that is not is ignored (section 4.2.1). */
export function hasKnownKeyType({ kty, crv }: JsonObject): boolean {
  return typeof kty === 'string' && kty in publicMembers && (kty !== 'EC' || knownCurves.has(crv))
}

/** The public key of an entry whose key type is known, or undefined when its members are not those of a key. */
export function readPublicJwk(jwk: JsonObject): KeyObject | undefined {
  const { kty } = jwk
  if (typeof kty !== 'string') return undefined
  const key: Record<string, string> = { kty }
  for (const name of publicMembers[kty] ?? []) {
    const value = jwk[name]
    if (typeof value !== 'string' || value === '') return undefined
    if (name !== 'crv' && decodeBase64Url(value) === undefined) return undefined
    key[name] = value
  }
  try {
    return createPublicKey({ format: 'jwk', key })
  } catch {
    return undefined
  }
}

/** The authority of an `x509-svid` entry: the first value of its `x5c` (X509-SVID section 6.2), DER. */
export function readX5c(x5c: readonly unknown[]): Uint8Array | undefined {
  const [first] = x5c
  const der = typeof first === 'string' ? decodeBase64(first) : undefined
  return der && readCertificate(der) ? der : undefined
}

export function jwtAuthorityJwk(keyId: string, key: KeyObject): JsonObject {
  return { ...key.export({ format: 'jwk' }), use: 'jwt-svid' satisfies KeyUse, kid: keyId }
}

/**
 * X509-SVID section 6.1: exactly one value in `x5c`, no `kid`. Undefined for a certificate whose key cannot be said as a
 * JWK: OpenSSL reads certificates whose key it cannot.
 */
export function x509AuthorityJwk(authority: Uint8Array): JsonObject | undefined {
  try {
    const jwk = new X509Certificate(authority).publicKey.export({ format: 'jwk' })
    return { ...jwk, use: 'x509-svid' satisfies KeyUse, x5c: [Buffer.from(authority).toString('base64')] }
  } catch {
    return undefined
  }
}
