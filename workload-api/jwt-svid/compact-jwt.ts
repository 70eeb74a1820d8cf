import { decodeBase64Url } from '../encoding/base64.js'
import { decodeUtf8, readJsonObject, type JsonObject } from '../encoding/json.js'
import { SpiffeError } from '../errors.js'
import { parseSpiffeId, pathOf, type SpiffeId } from '../spiffe-id/spiffe-id.js'
import { isJwsAlgorithm } from './algorithms.js'

/** A token longer than this is not read: it would not fit into a request's headers either. */
export const maxTokenLength = 64 * 1024

/** What a JWT-SVID says, believed by nobody yet. */
export interface JwtClaims {
  readonly algorithm: string
  /** Undefined when the token names no key, which is allowed (JWT-SVID section 2.2). */
  readonly keyId: string | undefined
  readonly id: SpiffeId
  readonly audience: readonly string[]
  readonly expiresAt: Date
  /** Every claim, the registered ones too. */
  readonly claims: JsonObject
}

/** JWT-SVID section 2: a header with `jku`, `jwk`, `x5u`, `crit` or anything else is none of a JWT-SVID. */
const allowedHeaders: ReadonlySet<string> = new Set(['alg', 'kid', 'typ'])
/** 9999-12-31T23:59:59Z: beyond, `Date` and other readers part ways. */
const latestSeconds = 253_402_300_799

/**
 * Reads a token without believing it: shape, headers (JWT-SVID section 2) and claims (section 3).
 *
 * @throws {SpiffeError} `ERR_JWT_SVID_MALFORMED`, `ERR_JWT_SVID_ALGORITHM_NOT_ALLOWED` or `ERR_JWT_SVID_INVALID`; the
 *   message never has any of the token in it
 */
export function readCompactJwt(token: string): JwtClaims {
  if (typeof token !== 'string') throw new TypeError('a JWT-SVID must be a string')
  if (token.length > maxTokenLength) throw malformed(`it is longer than ${maxTokenLength} characters`)
  const parts = token.split('.')
  const [header, payload] = parts
  // The JSON serialization (section 5.1 forbids it) has no dots where these have them.
  if (parts.length !== 3 || header === undefined || payload === undefined) throw malformed('it is not a compact JWS')
  const { algorithm, keyId } = readHeader(objectOf(header, 'header'))
  return { algorithm, keyId, ...readClaims(objectOf(payload, 'payload')) }
}

function objectOf(part: string, name: string): JsonObject {
  const bytes = decodeBase64Url(part)
  const text = bytes && decodeUtf8(bytes)
  const value = text === undefined ? undefined : readJsonObject(text)
  if (value === undefined) throw malformed(`its ${name} is not a JSON object in base64url`)
  return value
}

function readHeader(header: JsonObject): Pick<JwtClaims, 'algorithm' | 'keyId'> {
  const { alg, kid, typ } = header
  if (!isJwsAlgorithm(alg)) {
    const message = 'the algorithm of the JWT-SVID is not RS, ES or PS with 256, 384 or 512'
    throw new SpiffeError('ERR_JWT_SVID_ALGORITHM_NOT_ALLOWED', message)
  }
  if (Object.keys(header).some((name) => !allowedHeaders.has(name)))
    throw invalid('it has headers other than alg, kid, typ')
  if (typ !== undefined && typ !== 'JWT' && typ !== 'JOSE') throw invalid('its typ is neither "JWT" nor "JOSE"')
  if (kid !== undefined && (typeof kid !== 'string' || kid === '')) throw invalid('its kid is not a string with text')
  return { algorithm: alg, keyId: kid }
}

function readClaims(claims: JsonObject): Pick<JwtClaims, 'id' | 'audience' | 'expiresAt' | 'claims'> {
  const { sub, aud, exp } = claims
  if (typeof sub !== 'string') throw invalid('it has no sub')
  return {
    id: subjectOf(sub),
    audience: audienceOf(aud),
    expiresAt: expiryOf(exp),
    claims: Object.freeze({ ...claims }),
  }
}

function subjectOf(sub: string): SpiffeId {
  try {
    const id = parseSpiffeId(sub)
    if (pathOf(id) !== '') return id
  } catch (error) {
    throw invalid('its sub is not a SPIFFE ID', error)
  }
  // An authority's ID: whoever it is, it is not a workload (SPIFFE-ID section 3.1).
  throw invalid('its sub is the ID of a trust domain, not of a workload')
}

function audienceOf(aud: unknown): readonly string[] {
  const values: unknown = typeof aud === 'string' ? [aud] : aud
  if (!Array.isArray(values) || !values.every((value): value is string => typeof value === 'string' && value !== '')) {
    throw invalid('it has no aud, or one that is neither a string nor a list of strings')
  }
  if (values.length === 0) throw invalid('its aud is empty')
  return Object.freeze([...values])
}

function expiryOf(exp: unknown): Date {
  if (typeof exp !== 'number' || !(exp >= 0 && exp <= latestSeconds)) {
    throw invalid('it has no exp, or one that is not a number of seconds')
  }
  return new Date(exp * 1000)
}

function malformed(reason: string): SpiffeError {
  return new SpiffeError('ERR_JWT_SVID_MALFORMED', `the JWT-SVID is malformed: ${reason}`)
}

function invalid(reason: string, cause?: unknown): SpiffeError {
  const options = cause === undefined ? {} : { cause }
  return new SpiffeError('ERR_JWT_SVID_INVALID', `the JWT-SVID is invalid: ${reason}`, options)
}
