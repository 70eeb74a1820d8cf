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
export { X509Bundle, type X509BundleSet } from './x509/x509-bundle.js'
export type { X509Context } from './x509/x509-context.js'
export { X509Svid } from './x509/x509-svid.js'
export { verifyX509Svid, type VerifyX509SvidOptions, type X509SvidFields } from './x509/verify-x509-svid.js'
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
