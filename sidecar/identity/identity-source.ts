import type { Signer } from '../../parsec-core/index.js'
import type { X509BundleSet } from '../../workload-api/index.js'

/** Everything a tunnel needs of an identity, whole: the chain fits the signer, and the bundles hold its own authority. */
export interface IdentityUpdate {
  /** DER, leaf first, without the authority. */
  readonly chain: readonly Uint8Array[]
  readonly signer: Signer
  readonly bundles: X509BundleSet
  /** Empty when the issuer gave none. */
  readonly hint: string
  /**
   * Called, before the next update is asked for, by whoever could not put this one to use: the key before stays, and
   * the source tries again. Without it the update counts as in use, and the key before is destroyed in time.
   */
  readonly refuse: () => void
}

/**
 * Where an identity comes from. A source checks what it receives before it yields it, and keeps trying: the iteration
 * ends when the signal fires, and throws only for what waiting cannot mend.
 */
export interface IdentitySource {
  updates(signal: AbortSignal): AsyncIterable<IdentityUpdate>
}

/** Why there is no newer identity at the moment; the last good one stays. */
export interface IdentityEvent {
  /** `waiting`: the source tries again by itself. `failed`: what came was unusable, or trying again is pointless. */
  readonly kind: 'waiting' | 'failed'
  readonly error: Error
  /** One line for the operator: what to check. Already escaped. */
  readonly advice: string
  /** Undefined when nothing more will be tried. */
  readonly retryInMs: number | undefined
}

/** How a source tells of its troubles. All are called synchronously and must not throw. */
export interface IdentityListener {
  readonly onEvent: (event: IdentityEvent) => void
  /** The trouble is over and the identity held is still the newest: no update follows. */
  readonly onRecovered?: () => void
  /** Something that works and is perhaps not meant. One line, already escaped. */
  readonly onWarning?: (text: string) => void
}
