import type { IdentityConfig, KeyProviderConfig } from '../model.js'
import type { Field, Reading } from '../schema/spec.js'
import type { Labels } from './references.js'

/** What outputs need to know of the identities of the file. */
export class OutputIdentities {
  readonly #labels: Labels
  readonly #identities: readonly IdentityConfig[]
  readonly #providers: readonly KeyProviderConfig[]
  readonly #reading: Reading

  constructor(
    labels: Labels,
    identities: readonly IdentityConfig[],
    providers: readonly KeyProviderConfig[],
    reading: Reading,
  ) {
    this.#labels = labels
    this.#identities = identities
    this.#providers = providers
    this.#reading = reading
  }

  /** The identity a block names, or the only one; undefined after a fault. */
  choose(identity: Field<string | undefined>, owner: string): string | undefined {
    this.#labels.check(identity)
    if (identity.value !== undefined) return identity.value
    if (this.#labels.size > 1 && !identity.given) {
      this.#reading.faults.add(
        identity.at,
        `${owner} has no "identity", and there are ${this.#labels.size} to choose from`,
      )
    }
    return this.#labels.only
  }

  /** Whether tokens can be had of the identity: those straight from a SPIRE server have X.509-SVIDs only so far. */
  hasTokens(identity: string): boolean {
    return this.#identities.find((candidate) => candidate.name === identity)?.source !== 'spire-server'
  }

  /** The type of the provider that keeps the identity's key in a device; undefined for a key in software. */
  deviceOf(identity: string): string | undefined {
    const name = this.#identities.find((candidate) => candidate.name === identity)?.keyProvider
    const type = this.#providers.find((provider) => provider.name === name)?.type
    return type === 'Software' ? undefined : type
  }
}
