/**
 * SPIFFE: identities, SVIDs and bundles of both kinds, their verification, federation, both sides of the Workload API,
 * sources of rotating material, and mutual TLS for Node.
 */
export { SpiffeError, type SpiffeErrorCode } from './errors.js'
export { isTrustDomain, parseTrustDomain, type TrustDomain } from './spiffe-id/trust-domain.js'
export {
  isMemberOf,
  isSpiffeId,
  parseSpiffeId,
  pathOf,
  spiffeIdFromSegments,
  trustDomainId,
  trustDomainOf,
  type SpiffeId,
} from './spiffe-id/spiffe-id.js'
export { writePem } from './encoding/pem.js'
export { JwtSvid } from './jwt-svid/jwt-svid.js'
export { validateJwtSvid, type ValidateJwtSvidOptions } from './jwt-svid/validate-jwt-svid.js'
export { JwtBundle, type JwtAuthorities, type JwtBundleSet } from './bundle/jwt-bundle.js'
export { SpiffeBundle, type SpiffeBundleFields } from './bundle/spiffe-bundle.js'
export { X509Bundle, type X509BundleSet } from './x509/x509-bundle.js'
export type { X509Context } from './x509/x509-context.js'
export { X509Svid } from './x509/x509-svid.js'
export { verifyX509Svid, type VerifiedX509Svid, type VerifyX509SvidOptions } from './x509/verify-x509-svid.js'
export {
  authorizeAny,
  authorizeId,
  authorizeIdPrefix,
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
export type { JwtSvidParams } from './client/jwt-response.js'
export type { WatchState } from './client/watch-state.js'
export {
  WorkloadApiClient,
  type FetchOptions,
  type WatchCallOptions,
  type WorkloadApiClientOptions,
} from './client/workload-api-client.js'
export type { JwtSvidOrder } from './server/jwt-methods.js'
export { addWorkloadApi, type WorkloadApiServiceOptions } from './server/workload-api-service.js'
export type {
  BundleEndpoint,
  BundleEndpointProfile,
  FetchBundleOptions,
  WatchBundleOptions,
} from './federation/endpoint.js'
export { bundleHandler } from './federation/bundle-handler.js'
export { fetchBundle } from './federation/fetch-bundle.js'
export { watchBundle } from './federation/watch-bundle.js'
export type { ReadyOptions, Source } from './source/source.js'
export type { FolderOptions } from './source/folder.js'
export type { SvidFolderOptions } from './source/svid-folder.js'
export type { WorkloadApiSourceOptions } from './source/workload-api-feed.js'
export { X509Source, type X509Snapshot, type X509SourceOptions } from './source/x509-source.js'
export { JwtSource, type FetchJwtSvid } from './source/jwt-source.js'
export { BundleSource, type BundleSnapshot, type FederationOptions } from './source/bundle-source.js'
export { mtls, type Mtls, type MtlsOptions } from './mtls/mtls.js'
export { peerIdOf } from './mtls/protect-server.js'
export { serverTlsOptions } from './mtls/server-tls-options.js'
export {
  channelCredentials,
  peerIdOfCall,
  type GrpcCall,
  type GrpcModule,
  type GrpcServer,
  type GrpcServerModule,
} from './mtls/grpc.js'
