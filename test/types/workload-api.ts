// Compiled, never run: what the types must accept and, with @ts-expect-error, what they must refuse.
import {
  authorizeId,
  parseSpiffeId,
  X509Svid,
  type Authorization,
  type Authorizer,
  type SpiffeErrorCode,
  type SpiffeId,
  type TrustDomain,
  type VerifiedX509Svid,
  type WatchState,
  type WorkloadApiClient,
  type WorkloadApiServiceOptions,
  type X509BundleSet,
  type X509Context,
} from '../../workload-api/index.js'

const id: SpiffeId = parseSpiffeId('spiffe://td/a')
const text: string = id

// @ts-expect-error a raw string is not a SPIFFE ID, however it looks
export const raw: SpiffeId = 'spiffe://td/a'
// @ts-expect-error an ID is not a trust domain
export const domain: TrustDomain = id
// @ts-expect-error an authorizer takes parsed IDs
export const fromText = authorizeId(text)

export const plain: Authorizer = (peer) => (peer === id ? { allowed: true } : { allowed: false, reason: 'no' })
export const reading: Authorizer = Object.assign(plain, { readsChain: true })
// @ts-expect-error an async function would refuse after the connection was admitted
export const late: Authorizer = async (): Promise<Authorization> => ({ allowed: true })
// @ts-expect-error a function that forgets to answer is no verdict
export const silent: Authorizer = () => {}
// @ts-expect-error a refusal has a reason
export const unexplained: Authorization = { allowed: false }

export function held(svid: X509Svid, bundles: X509BundleSet, context: X509Context): void {
  // @ts-expect-error an SVID is read, not put together
  export_(new X509Svid([], svid.privateKey, '', svid))
  // @ts-expect-error bundles are looked up by parsed trust domains
  bundles.get('td')
  // @ts-expect-error a context is replaced whole, never changed
  context.svids.push(svid)
  // @ts-expect-error nor is a chain
  svid.chain[0] = new Uint8Array()
}
function export_(_value: unknown): void {}

export async function followed(client: WorkloadApiClient): Promise<void> {
  for await (const context of client.watchX509Context()) {
    const first: X509Svid | undefined = context.svids[0]
    // @ts-expect-error there may be none as far as the type knows
    const certain: X509Svid = context.svids[0]
    export_([first, certain])
  }
}

/** Every state is known, and each carries what belongs to it. */
export function shown(state: WatchState): string {
  // @ts-expect-error only a watch that waits has a time to wait for
  export_(state.retryAt.getTime())
  switch (state.kind) {
    case 'idle':
    case 'connecting':
      return state.kind
    case 'streaming':
      return state.fault?.code ?? 'well'
    case 'waiting':
      return `${state.error.code} until ${state.retryAt.toISOString()}`
    case 'closed':
      return state.error?.code ?? 'closed'
  }
}

type ContextSource = WorkloadApiServiceOptions['watchX509Context']
// @ts-expect-error a source of contexts gives them one after the other, not as a promise of one
export const once: ContextSource = async (): Promise<X509Context> => ({ svids: [], bundles: new Map(), crl: [] })

/** `any` would make every assertion above pass vacuously. */
type IsAny<T> = 0 extends 1 & T ? true : false
export const pinned: [
  IsAny<SpiffeId>,
  IsAny<TrustDomain>,
  IsAny<SpiffeErrorCode>,
  IsAny<X509Svid>,
  IsAny<X509BundleSet>,
  IsAny<VerifiedX509Svid>,
  IsAny<X509Context['svids'][number]>,
  IsAny<WatchState>,
] = [false, false, false, false, false, false, false, false]
