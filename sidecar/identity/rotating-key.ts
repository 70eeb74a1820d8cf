import { randomUUID, type KeyObject } from 'node:crypto'
import {
  generatePrivateKey,
  importPrivateKey,
  openSigner,
  type KeyIdentity,
  type KeyLifetime,
  type Provider,
  type Signer,
  type SigningKeyType,
} from '../../parsec-core/index.js'

export interface RotatingKeyOptions {
  readonly provider: Provider
  /** Whose keys they are in the provider. */
  readonly applicationIdentity: string
  /** How long, in milliseconds, a handshake that began with a key may still sign with it after the next one took over. */
  readonly handshakeBoundMs: () => number
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

/** A key that could not be destroyed, its device being lost perhaps, is tried again this much later. */
const retryMs = 10_000
const reusedPrefix = 'reused-'
/** Keys of an earlier process are those without this mark. */
const processMark = randomUUID()

interface RetiredKey {
  readonly identity: KeyIdentity
  readonly destroyAt: number
}

/** What an identity wants to know of the provider of its keys. */
export interface KeyListener {
  /** The key in use is gone from its device. */
  readonly onMissing: (reason: string) => void
  /** The device that was lost answers again. */
  readonly onReady: () => void
}

/** The keys of one identity in its provider: a new one for each SVID or always the same, the old ones destroyed. */
export class RotatingKey {
  readonly #options: RotatingKeyOptions
  readonly #candidates = new Set<KeyIdentity>()
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

  /** Returns how to stop listening. */
  listen({ onMissing, onReady }: KeyListener): () => void {
    const { provider } = this.#options
    const stopMissing = provider.onKeyMissing(({ identity, missing }) => {
      if (this.#current && isSameKey(identity, this.#current)) onMissing(missing ?? '')
    })
    const stopAvailability = provider.onAvailability(({ state }) => {
      if (state === 'ready') onReady()
    })
    return () => {
      stopMissing()
      stopAvailability()
    }
  }

  /** A key for the next SVID: a candidate until `use`; one that comes to nothing is given to `discard`. */
  async next(): Promise<CandidateKey> {
    const { made } = this.#options
    if (made === undefined) throw new TypeError('the keys of this identity are received, not made')
    return made.rotation === 'reuse'
      ? this.#reused(made.keyType)
      : this.#generate(this.#fresh(), made.keyType, 'volatile')
  }

  /** Hands a received key to the provider: a candidate until `use`. The copies made on the way are wiped. */
  async take(privateKey: KeyObject): Promise<CandidateKey> {
    const identity = this.#fresh()
    const signer = await importPrivateKey(this.#options.provider, identity, privateKey)
    this.#candidates.add(identity)
    return { identity, signer }
  }

  /** Makes the candidate, which handshakes begin with from now on, the key in use and retires the one before. */
  use({ identity }: CandidateKey, now: number): void {
    this.#candidates.delete(identity)
    const before = this.#current
    this.#current = identity
    if (before === undefined || isSameKey(before, identity)) return
    this.#retired.push({ identity: before, destroyAt: now + this.#options.handshakeBoundMs() })
  }

  async discard({ identity }: CandidateKey): Promise<void> {
    this.#candidates.delete(identity)
    if (!this.#isReused) await this.#destroy(identity)
  }

  /** When `destroyRetired` next has something to do; infinite when nothing is retired. */
  get nextDestructionAt(): number {
    return Math.min(...this.#retired.map((key) => key.destroyAt))
  }

  async destroyRetired(now: number): Promise<void> {
    const due = this.#retired.filter((key) => key.destroyAt <= now)
    this.#retired = this.#retired.filter((key) => key.destroyAt > now)
    const left = await Promise.all(due.map(async ({ identity }) => ((await this.#destroy(identity)) ? [] : [identity])))
    this.#retired.push(...left.flat().map((identity) => ({ identity, destroyAt: Date.now() + retryMs })))
  }

  /** Destroys every key but a reused one, which the next start finds again. No handshake may use them any more. */
  async close(): Promise<void> {
    const keys = this.#retired.map(({ identity }) => identity)
    if (!this.#isReused) keys.push(...this.#candidates, ...(this.#current ? [this.#current] : []))
    this.#retired = []
    this.#candidates.clear()
    this.#current = undefined
    await Promise.all(keys.map((key) => this.#destroy(key)))
  }

  get #isReused(): boolean {
    return this.#options.made?.rotation === 'reuse'
  }

  /** The key there is; a new one when there is none, or its device lost it. Persistent where the provider can. */
  async #reused(keyType: SigningKeyType): Promise<CandidateKey> {
    const { provider, applicationIdentity } = this.#options
    const identity = { applicationIdentity, keyName: `${reusedPrefix}${keyType}` }
    const held = provider.listKeys().find((key) => isSameKey(key.identity, identity))
    if (held !== undefined && held.missing === undefined) {
      return { identity, signer: await openSigner(provider, identity) }
    }
    if (held !== undefined) await provider.psaDestroyKey?.(identity)
    return this.#generate(identity, keyType, provider.storesKeys ? 'persistent' : 'volatile')
  }

  async #generate(identity: KeyIdentity, keyType: SigningKeyType, lifetime: KeyLifetime): Promise<CandidateKey> {
    const signer = await generatePrivateKey(this.#options.provider, identity, keyType, { lifetime })
    this.#candidates.add(identity)
    return { identity, signer }
  }

  #fresh(): KeyIdentity {
    return { applicationIdentity: this.#options.applicationIdentity, keyName: `${processMark}-${randomUUID()}` }
  }

  /** False, and reported, when the key is still there: an identity does not fail for it. */
  async #destroy(key: KeyIdentity): Promise<boolean> {
    const { provider, onLeftover } = this.#options
    try {
      await provider.psaDestroyKey?.(key)
      return true
    } catch (error) {
      onLeftover(error)
      return false
    }
  }
}

function isSameKey(one: KeyIdentity, other: KeyIdentity): boolean {
  return one.applicationIdentity === other.applicationIdentity && one.keyName === other.keyName
}
