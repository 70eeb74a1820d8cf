import type { Signer } from '../../parsec-core/index.js'
import type { SpiffeId, X509BundleSet } from '../../workload-api/index.js'

/** What the files of an identity are made of, whole: the chain fits the signer, the bundles hold its own authority. */
export interface SvidMaterial {
  readonly spiffeId: SpiffeId
  readonly notAfter: Date
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[]
  readonly signer: Signer
  readonly bundles: X509BundleSet
}

/** Where an output gets its X.509-SVID from. */
export interface SvidFeed {
  readonly material: SvidMaterial | undefined
  /** Calls `listener` after every change from now on; returns how to stop that. */
  onChange(listener: () => void): () => void
}
