import { randomUUID } from 'node:crypto'
import {
  generatePrivateKey,
  openSigner,
  type KeyIdentity,
  type Provider,
  type Signer,
  type SigningKeyType,
} from '../../../parsec-core/index.js'
import { SpireError } from './spire-error.js'

export interface AgentKey {
  readonly name: string
  readonly signer: Signer
}

export interface AgentKeysOptions {
  readonly provider: Provider
  /** The label of the identity's block. */
  readonly identity: string
  readonly keyType: SigningKeyType
  /** Told of a key that could not be destroyed; must not throw. */
  readonly onLeftover: (error: unknown) => void
}

/** The keys of the agent a sidecar is to its server: in the identity's provider, and there to stay where it can keep keys. */
export class AgentKeys {
  readonly #options: AgentKeysOptions
  readonly #applicationIdentity: string

  constructor(options: AgentKeysOptions) {
    this.#options = options
    this.#applicationIdentity = `svidecar/agent/${options.identity}`
  }

  /** Throws `ParsecError`. */
  async make(): Promise<AgentKey> {
    const { provider, keyType } = this.#options
    const name = randomUUID()
    const lifetime = provider.storesKeys ? 'persistent' : 'volatile'
    return { name, signer: await generatePrivateKey(provider, this.#identityOf(name), keyType, { lifetime }) }
  }

  /** Throws `SpireError` (`ERR_SPIRE_AGENT_KEY_GONE`) for a key that is not there, `ParsecError`. */
  async open(name: string): Promise<AgentKey> {
    const { provider } = this.#options
    const held = this.#held().find((key) => key.identity.keyName === name)
    if (held === undefined || held.missing !== undefined) {
      const why = held?.missing ?? `"${provider.name}" does not have it`
      throw new SpireError('ERR_SPIRE_AGENT_KEY_GONE', `the key of the agent's SVID is gone: ${why}`)
    }
    return { name, signer: await openSigner(provider, held.identity) }
  }

  /** Destroys all but the named ones: those of an SVID that was replaced, or never came. */
  async keepOnly(names: readonly string[]): Promise<void> {
    for (const { identity } of this.#held()) {
      if (!names.includes(identity.keyName)) await this.destroy(identity.keyName)
    }
  }

  /** One that cannot be destroyed is tried again by a later `keepOnly`. */
  async destroy(name: string): Promise<void> {
    try {
      await this.#options.provider.psaDestroyKey?.(this.#identityOf(name))
    } catch (error) {
      this.#options.onLeftover(error)
    }
  }

  #held() {
    return this.#options.provider
      .listKeys()
      .filter(({ identity }) => identity.applicationIdentity === this.#applicationIdentity)
  }

  #identityOf(keyName: string): KeyIdentity {
    return { applicationIdentity: this.#applicationIdentity, keyName }
  }
}
