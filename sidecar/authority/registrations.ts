import {
  isMemberOf,
  parseSpiffeId,
  pathOf,
  trustDomainId,
  type SpiffeId,
  type TrustDomain,
} from '../../workload-api/index.js'
import { loadRegistrationFile, type RegistrationEntry } from '../config/index.js'
import { AuthorityError } from './errors.js'

/** An identity a uid may have. */
export interface Entitlement {
  readonly id: SpiffeId
  /** Empty: none. */
  readonly hint: string
}

/** Says which identities the processes of a uid may have. */
export interface Registrations {
  /** In the order of the file. Empty: not registered. The same array until the registrations change. */
  entitlementsOf(uid: number): readonly Entitlement[]
  /** Throws `ERR_AUTHORITY_NOT_ENTITLED`. */
  requireEntitlement(uid: number, id: SpiffeId): Entitlement
  /** Reads the file again; a faulty one throws `ConfigError` and leaves what was read before in force. */
  reload(): Promise<void>
}

/** Throws `ConfigError`. */
export async function openRegistrations(file: string | undefined, trustDomain: TrustDomain): Promise<Registrations> {
  if (file === undefined) return ownUserOnly(trustDomain)
  const load = () => loadRegistrationFile(file, { trustDomain }).then(byUid)
  let entitlements = await load()
  return {
    entitlementsOf: (uid) => entitlements.get(uid) ?? none,
    requireEntitlement: (uid, id) => {
      const entitlement = entitlements.get(uid)?.find((candidate) => candidate.id === id)
      if (!entitlement) throw notEntitled(uid, id)
      return entitlement
    },
    reload: async () => {
      entitlements = await load()
    },
  }
}

const none: readonly Entitlement[] = []

function byUid(entries: readonly RegistrationEntry[]): ReadonlyMap<number, readonly Entitlement[]> {
  const entitlements = new Map<number, readonly Entitlement[]>()
  for (const { uid, spiffeIds, hint } of entries) {
    const more = spiffeIds.map((id) => ({ id: parseSpiffeId(id), hint }))
    entitlements.set(uid, [...(entitlements.get(uid) ?? []), ...more])
  }
  return entitlements
}

/**
 * Without a file: the authority's own user, who could read its memory anyway, may have every ID of the trust domain
 * by name, and over the Workload API, which names none, `spiffe://TRUST-DOMAIN/uid/UID`.
 */
function ownUserOnly(trustDomain: TrustDomain): Registrations {
  const ownUid = process.getuid?.()
  const own = [{ id: parseSpiffeId(`${trustDomainId(trustDomain)}/uid/${ownUid}`), hint: '' }]
  return {
    entitlementsOf: (uid) => (uid === ownUid ? own : none),
    requireEntitlement: (uid, id) => {
      if (uid !== ownUid || !isMemberOf(id, trustDomain) || pathOf(id) === '') throw notEntitled(uid, id)
      return { id, hint: '' }
    },
    reload: async () => undefined,
  }
}

function notEntitled(uid: number, id: SpiffeId): AuthorityError {
  return new AuthorityError('ERR_AUTHORITY_NOT_ENTITLED', `uid ${uid} is not registered for "${id}"`)
}
