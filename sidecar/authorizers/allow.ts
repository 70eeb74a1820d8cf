import {
  authorizeAny,
  parseSpiffeId,
  parseTrustDomain,
  trustDomainOf,
  type Authorization,
  type Authorizer,
} from '../../workload-api/index.js'
import type { AllowConfig } from '../config/model.js'
import { parsePattern, PatternSet } from './pattern.js'

const allowed: Authorization = Object.freeze({ allowed: true })
const denied: Authorization = Object.freeze({ allowed: false, reason: 'not on the list of whom this tunnel allows' })

/**
 * The authorizer of a tunnel's `allow` block: an ID is admitted when it is listed, when it fits a pattern, or when its
 * whole trust domain is allowed. An empty list admits nobody. One verdict costs a few look-ups, however long the lists.
 *
 * @throws {SpiffeError} for an ID or a trust domain that is none
 * @throws {PatternError} for a pattern that is none
 */
export function authorizeAllow(allow: AllowConfig): Authorizer {
  if (allow.any) return authorizeAny()
  const ids = new Set(allow.ids.map((id) => parseSpiffeId(id)))
  const trustDomains = new Set(allow.trustDomains.map((name) => parseTrustDomain(name)))
  const patterns = new PatternSet(allow.patterns.map((pattern) => parsePattern(pattern)))
  return (peer) => (ids.has(peer) || trustDomains.has(trustDomainOf(peer)) || patterns.matches(peer) ? allowed : denied)
}

/** The kind of authorizer a tunnel's `allow` block makes. */
export const allowAuthorizer = { type: 'allow', parse: authorizeAllow } as const
