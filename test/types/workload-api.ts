// Compiled, never run: what the types must accept and, with @ts-expect-error, what they must refuse.
import {
  authorizeId,
  parseSpiffeId,
  type Authorization,
  type Authorizer,
  type SpiffeErrorCode,
  type SpiffeId,
  type TrustDomain,
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
// @ts-expect-error an async function would refuse after the connection was admitted
export const late: Authorizer = async (): Promise<Authorization> => ({ allowed: true })
// @ts-expect-error a function that forgets to answer is no verdict
export const silent: Authorizer = () => {}
// @ts-expect-error a refusal has a reason
export const unexplained: Authorization = { allowed: false }

/** `any` would make every assertion above pass vacuously. */
type IsAny<T> = 0 extends 1 & T ? true : false
export const pinned: [IsAny<SpiffeId>, IsAny<TrustDomain>, IsAny<SpiffeErrorCode>] = [false, false, false]
