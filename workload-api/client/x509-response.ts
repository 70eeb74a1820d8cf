import { SpiffeError } from '../errors.js'
import type { X509BundlesResponse, X509SvidMessage, X509SvidResponse } from '../proto/messages.js'
import { parseSpiffeId, pathOf, trustDomainOf } from '../spiffe-id/spiffe-id.js'
import type { TrustDomain } from '../spiffe-id/trust-domain.js'
import { verifyX509Svid } from '../x509/verify-x509-svid.js'
import { X509Bundle, type X509BundleSet } from '../x509/x509-bundle.js'
import type { X509Context } from '../x509/x509-context.js'
import { X509Svid } from '../x509/x509-svid.js'
import { digest, sortedEntries } from './digest.js'

/**
 * Checks a whole message before any of it is believed (Workload API sections 4.5 and 5.2.1): mandatory fields, key
 * against leaf, ID against certificate, leaf rules, chain against the bundle it came with, validity now. One bad SVID
 * discards the message: half a state was never sent.
 *
 * @throws {SpiffeError}
 */
export function readX509SvidResponse(response: X509SvidResponse): X509Context {
  if (response.svids.length === 0) throw invalid('the response has no SVID')
  const bundles = new Map<TrustDomain, X509Bundle>()
  const svids = response.svids.map((message) => readSvid(message, bundles))
  for (const [id, der] of Object.entries(response.federatedBundles)) addBundle(bundles, readBundle(id, der))
  return { svids: withoutRepeatedHints(svids), bundles, crl: copies(response.crl) }
}

/**
 * Reads the answer of `FetchX509Bundles` (Workload API section 5.2.2).
 *
 * @throws {SpiffeError}
 */
export function readX509BundlesResponse(response: X509BundlesResponse): X509BundleSet {
  const entries = Object.entries(response.bundles)
  if (entries.length === 0) throw invalid('the response has no bundle')
  const bundles = new Map<TrustDomain, X509Bundle>()
  for (const [id, der] of entries) addBundle(bundles, readBundle(id, der))
  return bundles
}

/** Overwrites the private keys of a message, which are views of the buffer it came in. */
export function wipeKeys(response: X509SvidResponse): void {
  for (const { x509SvidKey } of response.svids) x509SvidKey.fill(0)
}

/** The same for two messages exactly when they say the same: agents repeat themselves at every change of anything. */
export function digestOfX509SvidResponse({ svids, crl, federatedBundles }: X509SvidResponse): string {
  const fields = svids.flatMap((svid) => [svid.spiffeId, svid.x509Svid, svid.x509SvidKey, svid.bundle, svid.hint])
  return digest(['svids', ...fields, 'crl', ...crl, 'federated', ...sortedEntries(federatedBundles)])
}

export function digestOfX509BundlesResponse({ crl, bundles }: X509BundlesResponse): string {
  return digest(['crl', ...crl, 'bundles', ...sortedEntries(bundles)])
}

function readSvid(message: X509SvidMessage, bundles: Map<TrustDomain, X509Bundle>): X509Svid {
  for (const field of ['spiffeId', 'x509Svid', 'x509SvidKey', 'bundle'] as const) {
    if (message[field].length === 0) throw invalid(`an SVID of the response lacks its ${field}`)
  }
  const svid = X509Svid.parse(message.x509Svid, message.x509SvidKey, message.hint)
  if (svid.id !== parseSpiffeId(message.spiffeId)) {
    throw new SpiffeError(
      'ERR_X509_SVID_ID_MISMATCH',
      'the certificate of an SVID is of another ID than the response says',
    )
  }
  const bundle = X509Bundle.parse(trustDomainOf(svid.id), message.bundle)
  verifyX509Svid(svid.chain, new Map([[bundle.trustDomain, bundle]]))
  addBundle(bundles, bundle)
  return svid
}

/** An empty bundle is how a trust domain says that none of its SVIDs is to be trusted: as if it were not there. */
function readBundle(id: string, der: Uint8Array): X509Bundle | undefined {
  const trustDomainId = parseSpiffeId(id)
  if (pathOf(trustDomainId) !== '') throw invalid('a bundle of the response is not named by the ID of a trust domain')
  return der.length === 0 ? undefined : X509Bundle.parse(trustDomainOf(trustDomainId), der)
}

/** Two answers to whom to trust are none: taking either, or both, would let the wrong one in. */
function addBundle(bundles: Map<TrustDomain, X509Bundle>, bundle: X509Bundle | undefined): void {
  if (bundle === undefined) return
  const held = bundles.get(bundle.trustDomain)
  if (held !== undefined && !held.equals(bundle)) {
    throw invalid(`the response has two different bundles of trust domain "${bundle.trustDomain}"`)
  }
  bundles.set(bundle.trustDomain, bundle)
}

/** Workload API section 5.2.1: of SVIDs with the same hint the first counts; no hint repeats none. */
function withoutRepeatedHints(svids: readonly X509Svid[]): readonly X509Svid[] {
  const seen = new Set<string>()
  return svids.filter(({ hint }) => {
    const repeated = hint !== '' && seen.has(hint)
    seen.add(hint)
    return !repeated
  })
}

function copies(values: readonly Uint8Array[]): readonly Uint8Array[] {
  return values.map((value) => Uint8Array.from(value))
}

function invalid(message: string): SpiffeError {
  return new SpiffeError('ERR_WORKLOAD_API_RESPONSE_INVALID', message)
}
