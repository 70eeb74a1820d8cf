import type { X509BundleSet } from './x509-bundle.js'
import type { X509Svid } from './x509-svid.js'

/** Everything the Workload API says at one moment; the next context replaces this one whole. */
export interface X509Context {
  /** At least one; the first is the default identity (Workload API section 8). */
  readonly svids: readonly X509Svid[]
  /** Of the SVIDs' own trust domains and of every federated one. */
  readonly bundles: X509BundleSet
  /** Revocation lists as they came, DER; nothing here reads them. */
  readonly crl: readonly Uint8Array[]
}
