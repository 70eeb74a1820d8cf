import { randomUUID, type KeyObject } from 'node:crypto'
import {
  generatePrivateKey,
  importPrivateKey,
  openSigner,
  type KeyIdentity,
  type Provider,
  type Signer,
  type SigningKeyType,
} from '../../parsec-core/index.js'

export interface RotatingKeyOptions {
  readonly provider: Provider
  /** Whose keys they are in the provider. */
  readonly applicationIdentity: string
  /** How keys are made; absent when they are received (`take`). */
  readonly made?: { readonly keyType: SigningKeyType; readonly rotation: 'new' | 'reuse' }
  /** Called for a key that could not be destroyed; must not throw. */
  readonly onLeftover: (error: unknown) => void
}

/** A key made, or found, for an SVID that is still to come. */
export interface CandidateKey {
  readonly identity: KeyIdentity
  readonly signer: Signer
}

/** A handshake that began with a key may still sign with it for this long after the next one took over. */
const graceMs = 60_000
const reusedPrefix = 'reused-'
/** Keys of an earlier process are those without this mark. */
const processMark = randomUUID()

interface RetiredKey {
  readonly identity: KeyIdentity
  readonly destroyAt: number
}

/** The keys of one identity in its provider: a new one for each SVID or always the same, the old ones destroyed. */
export class RotatingKey {
  readonly #options: RotatingKeyOptions
  #current: KeyIdentity | undefined
  #retired: RetiredKey[] = []

  constructor(options: RotatingKeyOptions) {
    this.#options = options
  }

  /** Destroys what an earlier process left behind; one that cannot be destroyed is left for the next start. */
  async clearStrays(): Promise<void> {
    const { provider, applicationIdentity } = this.#options
    const strays = provider
      .listKeys()
      .map((key) => key.identity)
      .filter((key) => key.applicationIdentity === applicationIdentity)
      .filter(({ keyName }) => !keyName.startsWith(reusedPrefix) && !keyName.startsWith(processMark))
    await Promise.all(strays.map((key) => this.#destroy(key)))
  }

  /** A key for the next SVID: a candidate until `use`; one that comes to nothing is given to `discard`. */
  async next(): Promise<CandidateKey> {
    const { provider, applicationIdentity, made } = this.#options
    if (made === undefined) throw new TypeError('the keys of this identity are received, not made')
    const { keyType, rotation } = made
    const identity =
      rotation === 'reuse' ? { applicationIdentity, keyName: `${reusedPrefix}${keyType}` } : this.#fresh()
    const lifetime = rotation === 'reuse' && provider.storesKeys ? 'persistent' : 'volatile'
    const held = provider.listKeys().some((key) => isSameKey(key.identity, identity))
    const signer = held
      ? await openSigner(provider, identity)
      : await generatePrivateKey(provider, identity, keyType, { lifetime })
    return { identity, signer }
  }

  /** Hands a received key to the provider: a candidate until `use`. The copies made on the way are wiped. */
  async take(privateKey: KeyObject): Promise<CandidateKey> {
    const identity = this.#fresh()
    return { identity, signer: await importPrivateKey(this.#options.provider, identity, privateKey) }
  }

  /** Makes the candidate the key in use and retires the one before. */
  use({ identity }: CandidateKey, now: number): void {
    const before = this.#current
    this.#current = identity
    if (before && !isSameKey(before, identity)) this.#retired.push({ identity: before, destroyAt: now + graceMs })
  }

  async discard({ identity }: CandidateKey): Promise<void> {
    if (!this.#isReused) await this.#destroy(identity)
  }

  /** When `destroyRetired` next has something to do; infinite when nothing is retired. */
  get nextDestructionAt(): number {
    return Math.min(...this.#retired.map((key) => key.destroyAt))
  }

  async destroyRetired(now: number): Promise<void> {
    const due = this.#retired.filter((key) => key.destroyAt <= now)
    this.#retired = this.#retired.filter((key) => key.destroyAt > now)
    await Promise.all(due.map((key) => this.#destroy(key.identity)))
  }

  /** Destroys every key but a reused one, which the next start finds again. */
  async close(): Promise<void> {
    await this.destroyRetired(Number.POSITIVE_INFINITY)
    if (this.#current && !this.#isReused) await this.#destroy(this.#current)
    this.#current = undefined
  }

  get #isReused(): boolean {
    return this.#options.made?.rotation === 'reuse'
  }

  #fresh(): KeyIdentity {
    return { applicationIdentity: this.#options.applicationIdentity, keyName: `${processMark}-${randomUUID()}` }
  }

  /** Reported and not thrown: what stays behind is cleared at the next start, and an identity does not fail for it. */
  async #destroy(key: KeyIdentity): Promise<void> {
    const { provider, onLeftover } = this.#options
    try {
      await provider.psaDestroyKey?.(key)
    } catch (error) {
      onLeftover(error)
    }
  }
}

function isSameKey(one: KeyIdentity, other: KeyIdentity): boolean {
  return one.applicationIdentity === other.applicationIdentity && one.keyName === other.keyName
}
