import { isMemberOf, pathOf, type SpiffeId } from './spiffe-id/spiffe-id.js'
import type { TrustDomain } from './spiffe-id/trust-domain.js'

/** A verdict. A value and not an exception, so that an `async` function, whose refusal would come too late, is no `Authorizer`. */
export type Authorization = { readonly allowed: true } | { readonly allowed: false; readonly reason: string }

/**
 * Decides whether a peer whose X.509-SVID was already verified may talk to us. Synchronous and free of side effects:
 * its verdict may be remembered for the peer's ID until the policy changes.
 */
export interface Authorizer {
  /** `chain`: the peer's certificates, DER, leaf first, as they were verified. */
  (peer: SpiffeId, chain: readonly Uint8Array[]): Authorization
  /** True when the verdict depends on the chain and not on the ID alone: it is then remembered for that chain only. */
  readonly readsChain?: boolean
}

/** The evidence was good, the peer is not wanted. Bad evidence is a `SpiffeError`. */
export class UnauthorizedPeerError extends Error {
  override readonly name: string = 'UnauthorizedPeerError'
  readonly code = 'ERR_UNAUTHORIZED_PEER'
  readonly peer: SpiffeId
  readonly reason: string

  constructor(peer: SpiffeId, reason: string, options?: ErrorOptions) {
    super(`peer "${peer}" is not authorized: ${reason}`, options)
    this.peer = peer
    this.reason = reason
  }
}

const allowed: Authorization = Object.freeze({ allowed: true })

/** Admits every ID of every trust domain whose bundle is held. Authentication only: think twice. */
export function authorizeAny(): Authorizer {
  return () => allowed
}

/** Admits exactly one ID. */
export function authorizeId(id: SpiffeId): Authorizer {
  const denied: Authorization = Object.freeze({ allowed: false, reason: 'not the one ID that is allowed' })
  return (peer) => (peer === id ? allowed : denied)
}

/** Admits the IDs of a list; an empty list admits nobody. One look-up however long the list is. */
export function authorizeOneOf(ids: Iterable<SpiffeId>): Authorizer {
  const members: ReadonlySet<SpiffeId> = new Set(ids)
  const denied: Authorization = Object.freeze({ allowed: false, reason: `not one of ${members.size} allowed IDs` })
  return (peer) => (members.has(peer) ? allowed : denied)
}

/** Admits every ID of one trust domain. */
export function authorizeMemberOf(trustDomain: TrustDomain): Authorizer {
  const reason = `not a member of trust domain "${trustDomain}"`
  const denied: Authorization = Object.freeze({ allowed: false, reason })
  return (peer) => (isMemberOf(peer, trustDomain) ? allowed : denied)
}

/**
 * Admits an ID with a path and every ID below it: `spiffe://example.org/spire/agent` admits `…/spire/agent/x` and not
 * `…/spire/agentish`. For all of a trust domain there is `authorizeMemberOf`.
 *
 * @throws {TypeError} for the ID of a trust domain
 */
export function authorizeIdPrefix(prefix: SpiffeId): Authorizer {
  if (pathOf(prefix) === '') throw new TypeError('a prefix has a path')
  const below = `${prefix}/`
  const denied: Authorization = Object.freeze({ allowed: false, reason: `not "${prefix}" nor below it` })
  return (peer) => (peer === prefix || peer.startsWith(below) ? allowed : denied)
}
