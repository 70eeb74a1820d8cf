import { randomBytes, type KeyObject } from 'node:crypto'
import {
  generatePrivateKey,
  keyIdentifierOf,
  notSupported,
  openSigner,
  ParsecError,
  ResponseStatus,
  type KeyIdentity,
  type KeyLifetime,
  type Provider,
  type Signer,
  type SigningKeyType,
} from '../../parsec-core/index.js'
import { liveKeyNames, type JwtRootKey, type Root } from './root.js'

export interface RootKeysOptions {
  readonly provider: Provider
  /** Whose keys they are in the provider. */
  readonly applicationIdentity: string
  /** `persistent` for authorities that are stored: a provider without a key store refuses to make such a key. */
  readonly lifetime: KeyLifetime
}

interface NewKey {
  readonly keyName: string
  readonly signer: Signer
}

/** Follows from the key, so that it need not be stored and two keys never share one. */
export function jwtKeyIdOf(publicKey: KeyObject): string {
  return Buffer.from(keyIdentifierOf(publicKey)).toString('hex')
}

/** The authorities' keys in a provider, all under one application identity. */
export class RootKeys {
  readonly #provider: Provider
  readonly #applicationIdentity: string
  readonly #lifetime: KeyLifetime

  constructor({ provider, applicationIdentity, lifetime }: RootKeysOptions) {
    this.#provider = provider
    this.#applicationIdentity = applicationIdentity
    this.#lifetime = lifetime
  }

  /** What signs certificates and what signs tokens; of a pair that cannot be made nothing is left. */
  async generatePair(type: SigningKeyType): Promise<{ readonly ca: NewKey; readonly jwt: JwtRootKey }> {
    const ca = await this.#generate('ca', type)
    try {
      return { ca, jwt: await this.generateJwt(type) }
    } catch (error) {
      // The fault to tell is the first; a key that stays is destroyed as a stray at the next start.
      await this.destroy(ca.keyName).catch(() => undefined)
      throw error
    }
  }

  /** What signs tokens. */
  async generateJwt(type: SigningKeyType): Promise<JwtRootKey> {
    const key = await this.#generate('jwt', type)
    const { publicKey } = key.signer
    return { ...key, keyId: jwtKeyIdOf(publicKey), publicKey }
  }

  async #generate(kind: 'ca' | 'jwt', type: SigningKeyType): Promise<NewKey> {
    const keyName = `${kind}-${randomBytes(8).toString('hex')}`
    const lifetime = this.#lifetime
    const signer = await generatePrivateKey(this.#provider, this.#identity(keyName), type, { lifetime })
    return { keyName, signer }
  }

  /** The signer of a key from an earlier start; undefined when the provider does not have it. */
  async find(keyName: string): Promise<Signer | undefined> {
    try {
      return await openSigner(this.#provider, this.#identity(keyName))
    } catch (error) {
      if (error instanceof ParsecError && error.status === ResponseStatus.PsaErrorDoesNotExist) return undefined
      throw error
    }
  }

  async destroy(keyName: string): Promise<void> {
    if (!this.#provider.psaDestroyKey) throw notSupported(`"${this.#provider.name}" cannot destroy keys`)
    await this.#provider.psaDestroyKey(this.#identity(keyName))
  }

  /** Names of keys a crash left behind between the making of a key and the saving of its certificate. */
  strays(roots: readonly Root[]): readonly string[] {
    const known = new Set(liveKeyNames(roots))
    return this.#provider
      .listKeys()
      .map((key) => key.identity)
      .filter((key) => key.applicationIdentity === this.#applicationIdentity && !known.has(key.keyName))
      .map((key) => key.keyName)
  }

  #identity(keyName: string): KeyIdentity {
    return { applicationIdentity: this.#applicationIdentity, keyName }
  }
}
