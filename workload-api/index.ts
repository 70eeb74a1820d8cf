export { SpiffeError, type SpiffeErrorCode } from './errors.js'
export { isTrustDomain, parseTrustDomain, type TrustDomain } from './spiffe-id/trust-domain.js'
export {
  isMemberOf,
  parseSpiffeId,
  pathOf,
  trustDomainId,
  trustDomainOf,
  type SpiffeId,
} from './spiffe-id/spiffe-id.js'
export {
  authorizeAny,
  authorizeId,
  authorizeMemberOf,
  authorizeOneOf,
  UnauthorizedPeerError,
  type Authorization,
  type Authorizer,
} from './authorizer.js'
