import { SpiffeError } from '../errors.js'
import { describeCharacter } from './character.js'
import { parseTrustDomain, trustDomainFault, type TrustDomain } from './trust-domain.js'

declare const brand: unique symbol

/**
 * A SPIFFE ID (SPIFFE-ID section 2) in its one canonical spelling: `spiffe://example.org/billing`, or
 * `spiffe://example.org` for the trust domain itself. Only the functions of this file make one. A string, so that
 * `===`, `Set` and `Map` compare it by value.
 */
export type SpiffeId = `spiffe://${string}` & { readonly [brand]: 'SpiffeId' }

/** SPIFFE-ID section 2.3. */
export const maxSpiffeIdLength = 2048

const scheme = 'spiffe://'
const foreignCharacter = /[^A-Za-z0-9._-]/u

/**
 * Parses a SPIFFE ID by the exact rules of the standard, as text: `URL` would resolve `/a/../b`, decode nothing and
 * fold case, so that two different strings became one identity.
 *
 * @throws {SpiffeError} `ERR_SPIFFE_ID_INVALID`; the message says what is wrong and never repeats the text
 */
export function parseSpiffeId(text: string): SpiffeId {
  if (typeof text !== 'string') throw new TypeError('a SPIFFE ID must be a string')
  if (isSpiffeId(text)) return text
  throw new SpiffeError('ERR_SPIFFE_ID_INVALID', spiffeIdFault(text) ?? 'not a SPIFFE ID')
}

/** Whether the text is a SPIFFE ID in its canonical spelling. */
export function isSpiffeId(text: string): text is SpiffeId {
  return spiffeIdFault(text) === undefined
}

/**
 * The ID of a trust domain with a path of these segments, each of which stays one: none may be empty or have a slash.
 *
 * @throws {SpiffeError} `ERR_SPIFFE_ID_INVALID`
 */
export function spiffeIdFromSegments(trustDomain: TrustDomain, ...segments: readonly string[]): SpiffeId {
  if (segments.some((segment) => segment.includes('/'))) {
    throw new SpiffeError('ERR_SPIFFE_ID_INVALID', 'a segment of the path has a slash')
  }
  return parseSpiffeId([`${scheme}${trustDomain}`, ...segments].join('/'))
}

/** The trust domain an ID belongs to. */
export function trustDomainOf(id: SpiffeId): TrustDomain {
  const slash = id.indexOf('/', scheme.length)
  return parseTrustDomain(slash === -1 ? id.slice(scheme.length) : id.slice(scheme.length, slash))
}

/** The path of an ID, from its leading slash; empty for the ID of a trust domain. */
export function pathOf(id: SpiffeId): string {
  const slash = id.indexOf('/', scheme.length)
  return slash === -1 ? '' : id.slice(slash)
}

/** The ID of the trust domain itself, as an authority's certificate and the keys of a bundle map carry it. */
export function trustDomainId(trustDomain: TrustDomain): SpiffeId {
  return parseSpiffeId(`${scheme}${trustDomain}`)
}

/** Whether the ID belongs to exactly this trust domain; a subdomain is a different one. */
export function isMemberOf(id: SpiffeId, trustDomain: TrustDomain): boolean {
  return trustDomainOf(id) === trustDomain
}

function spiffeIdFault(text: string): string | undefined {
  if (text.length === 0) return 'the SPIFFE ID is empty'
  if (!text.startsWith(scheme)) return 'the scheme is not "spiffe://"'
  const slash = text.indexOf('/', scheme.length)
  const host = slash === -1 ? text.slice(scheme.length) : text.slice(scheme.length, slash)
  const fault = trustDomainFault(host) ?? (slash === -1 ? undefined : pathFault(text.slice(slash)))
  if (fault !== undefined) return fault
  // Only ASCII is left here, so characters are bytes.
  return text.length > maxSpiffeIdLength ? `the SPIFFE ID is longer than ${maxSpiffeIdLength} bytes` : undefined
}

/** SPIFFE-ID section 2.2. Percent-encoding, query and fragment fail here by their characters. */
function pathFault(path: string): string | undefined {
  if (path.endsWith('/')) return 'the path ends in a slash'
  for (const segment of path.slice(1).split('/')) {
    if (segment.length === 0) return 'the path has an empty segment'
    if (segment === '.' || segment === '..') return 'the path has a "." or ".." segment'
    const foreign = foreignCharacter.exec(segment)
    if (foreign) return `the path has ${describeCharacter(foreign[0])}; allowed are A-Z, a-z, 0-9, ".", "-" and "_"`
  }
  return undefined
}
