/**
 * Every way in which SPIFFE material or a Workload API can be wrong. Closed: a caller can `switch` over it.
 *
 * - `ERR_SPIFFE_ID_…`, `ERR_TRUST_DOMAIN_…`, `ERR_ENDPOINT_ADDRESS_…`: a text breaks the rules of its standard.
 * - `ERR_X509_SVID_…`, `ERR_X509_BUNDLE_…`: a certificate, a key or a bundle is malformed, does not fit, or is not trusted.
 * - `ERR_JWT_SVID_…`, `ERR_JWT_BUNDLE_…`: a token, a key or a JWK Set is malformed, or the token is not to be believed.
 * - `ERR_SPIFFE_BUNDLE_INVALID`: a document is not of the trust bundle format.
 * - `ERR_BUNDLE_ENDPOINT_…`: a bundle endpoint of another trust domain, how it is named and what it answers.
 * - `ERR_SOURCE_…`: a source has nothing to give.
 * - `ERR_WORKLOAD_API_…`: what happened on the stream; the gRPC error is the `cause`.
 */
export type SpiffeErrorCode =
  | 'ERR_SPIFFE_ID_INVALID'
  | 'ERR_TRUST_DOMAIN_INVALID'
  | 'ERR_ENDPOINT_ADDRESS_INVALID'
  | 'ERR_ENDPOINT_ADDRESS_MISSING'
  | 'ERR_X509_SVID_MALFORMED'
  | 'ERR_X509_SVID_INVALID'
  | 'ERR_X509_SVID_KEY_INVALID'
  | 'ERR_X509_SVID_KEY_MISMATCH'
  | 'ERR_X509_SVID_ID_MISMATCH'
  | 'ERR_X509_SVID_EXPIRED'
  | 'ERR_X509_SVID_NOT_YET_VALID'
  | 'ERR_X509_SVID_UNTRUSTED'
  | 'ERR_X509_BUNDLE_INVALID'
  | 'ERR_X509_BUNDLE_NOT_FOUND'
  | 'ERR_JWT_SVID_MALFORMED'
  | 'ERR_JWT_SVID_INVALID'
  | 'ERR_JWT_SVID_ALGORITHM_NOT_ALLOWED'
  | 'ERR_JWT_SVID_AUDIENCE_MISMATCH'
  | 'ERR_JWT_SVID_ID_MISMATCH'
  | 'ERR_JWT_SVID_EXPIRED'
  | 'ERR_JWT_SVID_NOT_YET_VALID'
  | 'ERR_JWT_SVID_KEY_NOT_FOUND'
  | 'ERR_JWT_SVID_UNTRUSTED'
  | 'ERR_JWT_BUNDLE_INVALID'
  | 'ERR_JWT_BUNDLE_NOT_FOUND'
  | 'ERR_SPIFFE_BUNDLE_INVALID'
  | 'ERR_BUNDLE_ENDPOINT_INVALID'
  | 'ERR_BUNDLE_ENDPOINT_UNAVAILABLE'
  | 'ERR_BUNDLE_ENDPOINT_UNTRUSTED'
  | 'ERR_BUNDLE_ENDPOINT_RESPONSE_INVALID'
  | 'ERR_SOURCE_NOT_READY'
  | 'ERR_SOURCE_CLOSED'
  | 'ERR_WORKLOAD_API_SOCKET_MISSING'
  | 'ERR_WORKLOAD_API_SOCKET_FORBIDDEN'
  | 'ERR_WORKLOAD_API_REFUSED'
  | 'ERR_WORKLOAD_API_UNAVAILABLE'
  | 'ERR_WORKLOAD_API_PERMISSION_DENIED'
  | 'ERR_WORKLOAD_API_INVALID_ARGUMENT'
  | 'ERR_WORKLOAD_API_UNIMPLEMENTED'
  | 'ERR_WORKLOAD_API_MESSAGE_TOO_LARGE'
  | 'ERR_WORKLOAD_API_RESPONSE_INVALID'
  | 'ERR_WORKLOAD_API_TIMEOUT'
  | 'ERR_WORKLOAD_API_CLOSED'

/** Something given to this library is not what its standard says. Wrong use by the programmer is a `TypeError`. */
export class SpiffeError extends Error {
  override readonly name: string = 'SpiffeError'
  readonly code: SpiffeErrorCode

  constructor(code: SpiffeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
