import { JwtBundle, type JwtBundleSet } from '../bundle/jwt-bundle.js'
import { SpiffeError } from '../errors.js'
import { JwtSvid } from '../jwt-svid/jwt-svid.js'
import type {
  JwtBundlesResponse,
  JwtSvidMessage,
  JwtSvidResponse,
  ValidateJwtSvidResponse,
} from '../proto/jwt-messages.js'
import { parseSpiffeId, pathOf, trustDomainOf, type SpiffeId } from '../spiffe-id/spiffe-id.js'
import type { TrustDomain } from '../spiffe-id/trust-domain.js'
import { digest, sortedEntries } from './digest.js'

/** What a token is asked for. */
export interface JwtSvidParams {
  /** For whom the token is to be good; one name is best (JWT-SVID section 7.2). */
  readonly audience: readonly string[]
  /** Whose token; every identity of the process when not given. */
  readonly subject?: SpiffeId
}

/**
 * Checks a whole answer of `FetchJWTSVID` (Workload API section 6.2.1): mandatory fields, the ID against the token, the
 * audience that was asked for, the expiry. Of tokens with the same hint the first counts.
 *
 * @throws {SpiffeError}
 */
export function readJwtSvidResponse({ svids }: JwtSvidResponse, params: JwtSvidParams): readonly JwtSvid[] {
  if (svids.length === 0) throw invalid('the response has no JWT-SVID')
  const seen = new Set<string>()
  return svids.map((message) => readJwtSvid(message, params)).filter(({ hint }) => hint === '' || isNew(seen, hint))
}

/**
 * Reads the answer of `FetchJWTBundles` (Workload API section 6.2.2); an empty bundle is as if it were not there.
 *
 * @throws {SpiffeError}
 */
export function readJwtBundlesResponse(response: JwtBundlesResponse): JwtBundleSet {
  const entries = Object.entries(response.bundles)
  if (entries.length === 0) throw invalid('the response has no bundle')
  const bundles = new Map<TrustDomain, JwtBundle>()
  for (const [id, jwks] of entries) {
    const trustDomainId = parseSpiffeId(id)
    if (pathOf(trustDomainId) !== '') throw invalid('a bundle of the response is not named by the ID of a trust domain')
    const trustDomain = trustDomainOf(trustDomainId)
    if (jwks.length > 0) bundles.set(trustDomain, JwtBundle.parse(trustDomain, jwks))
  }
  return bundles
}

export function digestOfJwtBundlesResponse({ bundles }: JwtBundlesResponse): string {
  return digest(['jwt bundles', ...sortedEntries(bundles)])
}

/** The token an agent vouched for; its answer must be about the token that was asked about. */
export function readValidation(response: ValidateJwtSvidResponse, token: string): JwtSvid {
  const svid = JwtSvid.unsafeParse(token)
  if (response.spiffeId !== svid.id) throw mismatch()
  return svid
}

function readJwtSvid({ spiffeId, svid, hint }: JwtSvidMessage, { audience, subject }: JwtSvidParams): JwtSvid {
  if (spiffeId === '' || svid === '') throw invalid('a JWT-SVID of the response lacks its ID or its token')
  const token = JwtSvid.unsafeParse(svid, hint)
  if (token.id !== parseSpiffeId(spiffeId) || (subject !== undefined && token.id !== subject)) throw mismatch()
  if (!audience.every((name) => token.audience.includes(name))) {
    throw new SpiffeError('ERR_JWT_SVID_AUDIENCE_MISMATCH', 'the JWT-SVID is not for the audience that was asked for')
  }
  if (token.expiresAt.getTime() <= Date.now()) {
    throw new SpiffeError('ERR_JWT_SVID_EXPIRED', 'the JWT-SVID of the response has expired: is the clock right?')
  }
  return token
}

function isNew(seen: Set<string>, hint: string): boolean {
  const repeated = seen.has(hint)
  seen.add(hint)
  return !repeated
}

function mismatch(): SpiffeError {
  return new SpiffeError(
    'ERR_JWT_SVID_ID_MISMATCH',
    'the JWT-SVID is of another ID than the response, or the caller, says',
  )
}

function invalid(message: string): SpiffeError {
  return new SpiffeError('ERR_WORKLOAD_API_RESPONSE_INVALID', message)
}
