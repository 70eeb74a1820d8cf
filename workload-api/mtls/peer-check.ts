import type { DetailedPeerCertificate, PeerCertificate, SecureContextOptions, TLSSocket } from 'node:tls'
import { UnauthorizedPeerError, type Authorizer } from '../authorizer.js'
import { SpiffeError } from '../errors.js'
import type { SpiffeId } from '../spiffe-id/spiffe-id.js'
import { maxChainLength } from '../x509/certificate.js'
import { verifyX509Svid } from '../x509/verify-x509-svid.js'
import type { X509BundleSet } from '../x509/x509-bundle.js'

/**
 * OpenSSL otherwise wants a self-signed authority at the end of each path, and a bundle may hold others (X509-SVID
 * section 6.1). Node's types do not know the option yet.
 */
export const partialChains: SecureContextOptions = Object.freeze({ allowPartialTrustChain: true })

/**
 * Whether a peer is who it says, by the rules of X509-SVID and the bundle of its own trust domain, and whether it is
 * wanted. Node's own check, which came before, has all trust domains in one store, where each could vouch for any ID.
 *
 * @throws {SpiffeError} `ERR_X509_SVID_…` or `ERR_X509_BUNDLE_NOT_FOUND`
 * @throws {UnauthorizedPeerError}
 */
export function checkPeer(
  chain: readonly Uint8Array[],
  bundles: X509BundleSet,
  authorizer: Authorizer,
  usage: 'client' | 'server',
): SpiffeId {
  const { id } = verifyX509Svid(chain, bundles, { usage })
  // Whatever is not a clear yes is a no: a program without types may have passed an `async` function.
  const verdict: { readonly allowed?: unknown; readonly reason?: unknown } = authorizer(id, chain)
  if (verdict.allowed === true) return id
  const reason = typeof verdict.reason === 'string' ? verdict.reason : 'the authorizer gave no verdict'
  throw new UnauthorizedPeerError(id, reason)
}

/**
 * A `checkServerIdentity`: Node calls it for each full handshake before it hands the connection out, and destroys the
 * connection with the error it returns. Host names play no part.
 */
export function checkServer(
  bundles: () => X509BundleSet,
  authorizer: Authorizer,
): (hostname: string, certificate: PeerCertificate) => Error | undefined {
  return (_hostname, certificate) => {
    try {
      checkPeer(chainOfServer(certificate), bundles(), authorizer, 'server')
      return undefined
    } catch (error) {
      return error instanceof Error ? error : new Error('the check of the peer failed', { cause: error })
    }
  }
}

/** What a client presented, leaf first; throws when it presented nothing or a handshake was skipped. */
export function chainOfClient(socket: TLSSocket): readonly Uint8Array[] {
  // A resumed session was judged by the policy and the bundles of another time.
  if (socket.isSessionReused()) throw new SpiffeError('ERR_X509_SVID_INVALID', 'the session was resumed')
  const chain: Uint8Array[] = []
  let certificate = socket.getPeerX509Certificate()
  while (certificate !== undefined && chain.length < maxChainLength) {
    chain.push(certificate.raw)
    certificate = certificate.issuerCertificate
  }
  return chain
}

/** Node gives it from the leaf to where a certificate is its own issuer, its own store included. */
function chainOfServer(certificate: PeerCertificate | DetailedPeerCertificate): readonly Uint8Array[] {
  const chain: Uint8Array[] = []
  const seen = new Set<object>()
  let next: PeerCertificate | DetailedPeerCertificate | undefined = certificate
  while (isCertificate(next) && !seen.has(next) && chain.length < maxChainLength) {
    seen.add(next)
    chain.push(next.raw)
    next = 'issuerCertificate' in next ? next.issuerCertificate : undefined
  }
  return chain
}

/** Without a certificate Node gives an empty object. */
function isCertificate(value: PeerCertificate | DetailedPeerCertificate | undefined): value is PeerCertificate {
  return value?.raw !== undefined
}
