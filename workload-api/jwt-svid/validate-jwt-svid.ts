import type { KeyObject } from 'node:crypto'
import type * as jose from 'jose'
import type { JwtBundle, JwtBundleSet } from '../bundle/jwt-bundle.js'
import { SpiffeError } from '../errors.js'
import { trustDomainOf } from '../spiffe-id/spiffe-id.js'
import { fitsAlgorithm } from './algorithms.js'
import { readCompactJwt, type JwtClaims } from './compact-jwt.js'
import { jwtSvidFrom, type JwtSvid } from './jwt-svid.js'

export interface ValidateJwtSvidOptions {
  /** Names the validator goes by; the token must be for one of them. At least one. */
  readonly audience: readonly string[]
  /** How far the clocks of issuer and validator may be apart, in seconds: 0 to 300, 10 by default. */
  readonly leewaySeconds?: number
  /** The moment to validate for; now by default. */
  readonly time?: Date
}

/** A token without `kid` is tried with each key that fits; more attempts than this would serve an attacker. */
const maxKeysTried = 8

type Jose = typeof jose
let loading: Promise<Jose> | undefined
let loaded: Jose | undefined

/** On first use: most programs have X.509 only, and it would cost each of their starts. */
async function loadJose(): Promise<Jose> {
  loading ??= import('jose')
  loaded = await loading
  return loaded
}

/**
 * Validates a JWT-SVID (JWT-SVID section 4): the standard's algorithms, a signature by an authority of the trust domain
 * of its own `sub`, an `aud` that names us, `exp` and `nbf`.
 *
 * @throws {SpiffeError} `ERR_JWT_SVID_…`, or `ERR_JWT_BUNDLE_NOT_FOUND` when the trust domain has no bundle
 */
export async function validateJwtSvid(
  token: string,
  bundles: JwtBundleSet,
  options: ValidateJwtSvidOptions,
): Promise<JwtSvid> {
  const { audience, leewaySeconds = 10, time } = options
  if (audience.length === 0 || audience.includes(''))
    throw new TypeError('name at least one audience, none of them empty')
  if (!(leewaySeconds >= 0 && leewaySeconds <= 300)) throw new TypeError('leewaySeconds must be from 0 to 300')
  const claims = readCompactJwt(token)
  const trustDomain = trustDomainOf(claims.id)
  const bundle = bundles.get(trustDomain)
  if (bundle === undefined) {
    throw new SpiffeError('ERR_JWT_BUNDLE_NOT_FOUND', `no JWT bundle is held for trust domain "${trustDomain}"`)
  }
  await verify(token, keysFor(claims, bundle), {
    algorithms: [claims.algorithm],
    audience: [...audience],
    clockTolerance: leewaySeconds,
    requiredClaims: ['sub', 'aud', 'exp'],
    ...(time && { currentDate: time }),
  })
  return jwtSvidFrom(token, claims)
}

/** The keys that may have signed the token: the one it names, or those that fit if it names none. */
function keysFor({ algorithm, keyId }: JwtClaims, bundle: JwtBundle): readonly KeyObject[] {
  const named = keyId === undefined ? undefined : bundle.jwtAuthorities.get(keyId)
  const candidates = keyId === undefined ? [...bundle.jwtAuthorities.values()] : named === undefined ? [] : [named]
  if (candidates.length === 0) {
    const message = `trust domain "${bundle.trustDomain}" has no JWT authority by the key ID of the JWT-SVID`
    throw new SpiffeError('ERR_JWT_SVID_KEY_NOT_FOUND', message)
  }
  const fitting = candidates.filter((key) => fitsAlgorithm(key, algorithm)).slice(0, maxKeysTried)
  if (fitting.length === 0) throw untrusted('its algorithm is not that of the key')
  return fitting
}

async function verify(token: string, keys: readonly KeyObject[], options: jose.JWTVerifyOptions): Promise<void> {
  const { jwtVerify, errors } = loaded ?? (await loadJose())
  let failure: SpiffeError | undefined
  for (const key of keys) {
    try {
      await jwtVerify(token, key, options)
      return
    } catch (error) {
      failure = errorFrom(error, errors)
      // Only another key can mend a wrong signature.
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) break
    }
  }
  throw failure ?? untrusted('there is no key to try')
}

/** The one place where an error of jose becomes ours. Its causes hold the whole payload, which stays out of logs. */
function errorFrom(error: unknown, { JWTExpired, JWTClaimValidationFailed }: typeof jose.errors): SpiffeError {
  if (error instanceof JWTExpired) return new SpiffeError('ERR_JWT_SVID_EXPIRED', 'the JWT-SVID has expired')
  if (error instanceof JWTClaimValidationFailed) {
    if (error.claim === 'aud') {
      return new SpiffeError('ERR_JWT_SVID_AUDIENCE_MISMATCH', 'the JWT-SVID is for another audience')
    }
    if (error.claim === 'nbf' && error.reason === 'check_failed') {
      return new SpiffeError('ERR_JWT_SVID_NOT_YET_VALID', 'the JWT-SVID is not valid yet: are the clocks right?')
    }
    return new SpiffeError('ERR_JWT_SVID_INVALID', `the claim "${error.claim}" of the JWT-SVID is invalid`)
  }
  return untrusted('its signature is not by that authority')
}

function untrusted(reason: string): SpiffeError {
  return new SpiffeError('ERR_JWT_SVID_UNTRUSTED', `the JWT-SVID is not trusted: ${reason}`)
}
