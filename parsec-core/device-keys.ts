import { isGone, notSupported, ParsecError, withStatus } from './errors.js'
import type { KeyAttributes, KeyIdentity, KeyInfo, KeyOrigin } from './key-attributes.js'
import type { DeviceKey, KeyDevice } from './key-device.js'
import { KeyRing, type HeldKey, type MissingKey, type RingKey } from './key-ring.js'
import type { KeyStore, KeyStoreEntry } from './key-store/key-store.js'
import { ResponseStatus } from './response-status.js'

/** The keys of one device under their names, and in step with them the key store. */
export class DeviceKeys<Key extends DeviceKey> {
  readonly #device: KeyDevice<Key>
  readonly #store: KeyStore | undefined
  readonly #ring = new KeyRing<Key>()
  readonly #missingListeners = new Set<(key: KeyInfo) => void>()

  private constructor(device: KeyDevice<Key>, store: KeyStore | undefined) {
    this.#device = device
    this.#store = store
  }

  /**
   * Opens the stored keys: one the device no longer has is missing, and one that cannot be opened for another reason
   * fails the whole, since going on would hide it. Volatile keys an earlier process left behind are destroyed.
   */
  static async open<Key extends DeviceKey>(device: KeyDevice<Key>, store: KeyStore | undefined) {
    const keys = new DeviceKeys(device, store)
    for (const entry of (await store?.load()) ?? []) await keys.#openEntry(entry)
    return keys
  }

  get storesKeys(): boolean {
    return this.#store !== undefined
  }

  /** Throws `PsaErrorDoesNotExist` for a name not held, and for a key that is missing. */
  find(identity: KeyIdentity): HeldKey<Key> {
    return this.#ring.find(identity)
  }

  info(identity: KeyIdentity): KeyInfo {
    return this.infoOf(this.#ring.know(identity))
  }

  list(): readonly RingKey<Key>[] {
    return this.#ring.list()
  }

  infoOf(known: RingKey<Key>): KeyInfo {
    const { identity, attributes, origin } = known
    const residency = this.#device.residencyOf(origin)
    return { identity, attributes, origin, residency, ...(known.state === 'missing' && { missing: known.reason }) }
  }

  onMissing(listener: (key: KeyInfo) => void): () => void {
    this.#missingListeners.add(listener)
    return () => this.#missingListeners.delete(listener)
  }

  /** Throws `PsaErrorCommunicationFailure` while the device is lost. */
  requireReady(): void {
    const { availability } = this.#device
    if (availability === undefined || availability.state === 'ready') return
    throw new ParsecError(
      ResponseStatus.PsaErrorCommunicationFailure,
      `the device of "${this.#device.type}" is lost: ${availability.reason}`,
    )
  }

  /** Makes a key by `make` and stores it: it is there after a crash from the moment this resolves. */
  async add(identity: KeyIdentity, attributes: KeyAttributes, origin: KeyOrigin, make: () => Promise<Key>) {
    if (attributes.lifetime === 'persistent' && this.#store === undefined) {
      throw notSupported('persistent keys need a key store: set "key_store_dir"')
    }
    await this.#ring.add(identity, async () => {
      this.requireReady()
      const { type } = this.#device
      const key = await withStatus(ResponseStatus.PsaErrorGenericError, `"${type}" could not make the key`, make)
      await this.#persist({ identity, attributes, origin }, key)
      return { state: 'held', identity, attributes, origin, key }
    })
  }

  /** Uses a key the caller found; one whose object turns out to be gone is missing from now on. */
  async use<Value>(held: HeldKey<Key>, step: (key: Key) => Promise<Value>): Promise<Value> {
    this.requireReady()
    try {
      return await step(held.key)
    } catch (error) {
      if (isGone(error)) this.#miss(held, error.message)
      throw error
    }
  }

  async destroy(identity: KeyIdentity): Promise<void> {
    await this.#ring.remove(identity, async (known) => {
      // The device first: the other order would leave a key nobody can name if the process ended between the two.
      if (known.state === 'held') {
        this.requireReady()
        await this.#device.destroyKey(known.key)
      }
      if (this.#isStored(known.attributes)) await this.#store?.delete(identity)
    })
  }

  /** Asks the device for every key, held or missing. Throws when the device does not answer. */
  async verify(): Promise<void> {
    for (const known of this.#ring.list()) {
      this.requireReady()
      try {
        const key = await this.#findAgain(known)
        const { identity, attributes, origin } = known
        if (known.state === 'missing') this.#ring.replace(known, { state: 'held', identity, attributes, origin, key })
      } catch (error) {
        if (!isGone(error)) throw error
        this.#miss(known, error.message)
      }
    }
  }

  /** The stored forms of all keys, held or missing, and of those under way once they are settled. */
  async references(): Promise<readonly Uint8Array[]> {
    await this.#ring.settled()
    return this.#ring.list().map((known) => {
      const last = lastFormOf(known)
      return 'stored' in last ? last.stored : this.#device.storedForm(last.key)
    })
  }

  /** Destroys the volatile keys that would outlive the process, as far as the device lets it, and forgets all. */
  async close(): Promise<void> {
    await this.#ring.settled()
    const volatile = this.#ring.list().filter(({ attributes }) => attributes.lifetime === 'volatile')
    // What cannot be destroyed now stays in the store, and the next start destroys it.
    if (this.#device.storesVolatileKeys) {
      await Promise.allSettled(volatile.map(({ identity }) => this.destroy(identity)))
    }
    this.#ring.close()
  }

  async #openEntry(entry: KeyStoreEntry): Promise<void> {
    const { material, ...known } = entry
    try {
      const key = await this.#device.openKey(known.attributes, Uint8Array.from(material))
      if (known.attributes.lifetime === 'persistent') {
        await this.#ring.add(known.identity, async () => ({ state: 'held', ...known, key }))
        return
      }
      await this.#device.destroyKey(key)
    } catch (error) {
      if (!isGone(error)) throw error
      if (known.attributes.lifetime === 'persistent') {
        const last = { stored: Uint8Array.from(material) }
        await this.#ring.add(known.identity, async () => ({ state: 'missing', ...known, reason: error.message, last }))
        return
      }
    } finally {
      material.fill(0)
    }
    await this.#store?.delete(known.identity)
  }

  /** Throws `PsaErrorDoesNotExist` when the device still, or now, does not have the key. */
  async #findAgain(known: RingKey<Key>): Promise<Key> {
    const last = lastFormOf(known)
    if ('stored' in last) return this.#device.openKey(known.attributes, Uint8Array.from(last.stored))
    if (known.state === 'missing' && this.#device.verifyKey === undefined) throw gone(known.reason)
    await this.#device.verifyKey?.(last.key)
    return last.key
  }

  #miss(known: RingKey<Key>, reason: string): void {
    const { identity, attributes, origin } = known
    const missing: MissingKey<Key> = { state: 'missing', identity, attributes, origin, reason, last: lastFormOf(known) }
    if (!this.#ring.replace(known, missing) || known.state === 'missing') return
    for (const listener of this.#missingListeners) listener(this.infoOf(missing))
  }

  #isStored({ lifetime }: KeyAttributes): boolean {
    return lifetime === 'persistent' || this.#device.storesVolatileKeys === true
  }

  /** A key that could not be stored is destroyed again: it must not outlive a failure its caller was told of. */
  async #persist(known: Omit<KeyStoreEntry, 'material'>, key: Key): Promise<void> {
    if (this.#store === undefined || !this.#isStored(known.attributes)) return
    const material = this.#device.storedForm(key)
    try {
      await this.#store.put({ ...known, material })
    } catch (error) {
      await this.#device.destroyKey(key)
      throw error
    } finally {
      material.fill(0)
    }
  }
}

function lastFormOf<Key extends DeviceKey>(known: RingKey<Key>): MissingKey<Key>['last'] {
  return known.state === 'held' ? { key: known.key } : known.last
}

function gone(reason: string): ParsecError {
  return new ParsecError(ResponseStatus.PsaErrorDoesNotExist, reason)
}
