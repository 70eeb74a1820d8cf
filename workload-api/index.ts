/** SPIFFE: identities, X.509-SVIDs and bundles, their verification, and both sides of the Workload API. */
export { SpiffeError, type SpiffeErrorCode } from './errors.js'
export { isTrustDomain, parseTrustDomain, type TrustDomain } from './spiffe-id/trust-domain.js'
export {
  isMemberOf,
  isSpiffeId,
  parseSpiffeId,
  pathOf,
  trustDomainId,
  trustDomainOf,
  type SpiffeId,
} from './spiffe-id/spiffe-id.js'
export { writePem } from './encoding/pem.js'
export { X509Bundle, type X509BundleSet } from './x509/x509-bundle.js'
export type { X509Context } from './x509/x509-context.js'
export { X509Svid } from './x509/x509-svid.js'
export { verifyX509Svid, type VerifiedX509Svid, type VerifyX509SvidOptions } from './x509/verify-x509-svid.js'
export {
  authorizeAny,
  authorizeId,
  authorizeMemberOf,
  authorizeOneOf,
  UnauthorizedPeerError,
  type Authorization,
  type Authorizer,
} from './authorizer.js'
export {
  endpointSocketVariable,
  parseEndpointAddress,
  resolveEndpointAddress,
  type EndpointAddress,
} from './endpoint/endpoint-address.js'
export type { BackoffOptions } from './client/backoff.js'
export type { WatchState } from './client/watch-state.js'
export {
  WorkloadApiClient,
  type FetchOptions,
  type WatchCallOptions,
  type WorkloadApiClientOptions,
} from './client/workload-api-client.js'
export { addWorkloadApi, type WorkloadApiServiceOptions } from './server/workload-api-service.js'
