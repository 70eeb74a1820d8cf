import {
  SpiffeError,
  WorkloadApiClient,
  type JwtBundleSet,
  type JwtSvid,
  type JwtSvidOrder,
} from '../../workload-api/index.js'
import { refusalOf, type OfferedIdentity } from './own-identities.js'

const timeoutMs = 15_000

/** The JWT profile of the own identities: each call is asked of the Workload API that issues the identity. */
export class JwtForwarding {
  readonly #identities: () => readonly OfferedIdentity[]
  readonly #clients = new Map<string, WorkloadApiClient>()

  constructor(identities: () => readonly OfferedIdentity[]) {
    this.#identities = identities
  }

  /** Those of the first identity's issuer, the own trust domain's among them. */
  watchBundles(signal: AbortSignal): AsyncIterable<JwtBundleSet> {
    const [first] = this.#offered()
    if (first === undefined) throw noIdentity()
    return this.#clientOf(first).watchJwtBundles({ signal })
  }

  async fetchSvids({ audience, subject }: JwtSvidOrder, signal: AbortSignal): Promise<readonly JwtSvid[]> {
    const wanted = this.#offered().filter(({ material }) => subject === undefined || material?.spiffeId === subject)
    if (wanted.length === 0) throw noIdentity()
    const patience = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    return Promise.all(
      wanted.map((identity) => {
        const id = identity.material?.spiffeId
        const params = { audience, ...(id !== undefined && { subject: id }) }
        return this.#clientOf(identity).fetchJwtSvid(params, { signal: patience })
      }),
    )
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client.close()))
  }

  #offered(): readonly OfferedIdentity[] {
    return this.#identities().filter(
      (identity) =>
        identity.material !== undefined && identity.address !== undefined && refusalOf(identity) === undefined,
    )
  }

  #clientOf({ address }: OfferedIdentity): WorkloadApiClient {
    if (address === undefined) throw noIdentity()
    const held = this.#clients.get(address)
    if (held !== undefined) return held
    const client = new WorkloadApiClient({ address })
    this.#clients.set(address, client)
    return client
  }
}

/** What a caller is told that asks for what there is not. */
export function noIdentity(): SpiffeError {
  return new SpiffeError('ERR_WORKLOAD_API_PERMISSION_DENIED', 'no identity of this process may be handed on')
}
