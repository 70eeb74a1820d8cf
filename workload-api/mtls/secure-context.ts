import { constants } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import type { Source } from '../source/source.js'
import type { X509Snapshot } from '../source/x509-source.js'
import { partialChains } from './peer-check.js'

export interface TlsVersionOptions {
  /** 1.3 unless 1.2 is asked for. */
  readonly minTlsVersion?: '1.2' | '1.3'
}

/** What holds whatever the material is: no tickets, since a resumed session would skip the check of the peer. */
export function lastingOptions({ minTlsVersion = '1.3' }: TlsVersionOptions): SecureContextOptions {
  return {
    ...partialChains,
    minVersion: minTlsVersion === '1.2' ? 'TLSv1.2' : 'TLSv1.3',
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
  }
}

/**
 * Gives the context's options of a snapshot to `use`, then overwrites the key: Node's servers keep their options, and
 * would show the key wherever one is inspected.
 */
export function withContextOptions<Result>(
  { svid, bundles }: X509Snapshot,
  versions: TlsVersionOptions,
  use: (options: SecureContextOptions) => Result,
): Result {
  const { chain, privateKey } = svid.toPem()
  const key = Buffer.from(privateKey)
  const ca = [...bundles.values()].map((bundle) => bundle.toPem())
  try {
    // An empty list and not none, which would be the web's authorities.
    return use({ ...lastingOptions(versions), key, cert: chain, ca })
  } finally {
    key.fill(0)
  }
}

/** Makes a context for each snapshot once, however many connections use it. */
export class SecureContexts {
  readonly #source: Source<X509Snapshot>
  readonly #versions: TlsVersionOptions
  #made: { readonly snapshot: X509Snapshot; readonly context: SecureContext } | undefined

  constructor(source: Source<X509Snapshot>, versions: TlsVersionOptions) {
    this.#source = source
    this.#versions = versions
  }

  /** @throws {SpiffeError} what the source's `snapshot` throws */
  current(): { readonly snapshot: X509Snapshot; readonly context: SecureContext } {
    const snapshot = this.#source.snapshot()
    if (this.#made?.snapshot !== snapshot) {
      this.#made = { snapshot, context: withContextOptions(snapshot, this.#versions, createSecureContext) }
    }
    return this.#made
  }
}
