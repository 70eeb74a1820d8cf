import { invalidArgument, ParsecError } from './errors.js'
import type { KeyAttributes, KeyIdentity, KeyOrigin } from './key-attributes.js'
import type { DeviceKey } from './key-device.js'
import { ResponseStatus } from './response-status.js'

/** A key of the ring with what was said of it when it was made. */
export interface HeldKey<Key extends DeviceKey> {
  readonly identity: KeyIdentity
  readonly attributes: KeyAttributes
  readonly origin: KeyOrigin
  readonly key: Key
}

const maxNameBytes = 1024

/** The names of one provider's keys. A name is taken from the first step of making its key, so no two can race for it. */
export class KeyRing<Key extends DeviceKey> {
  readonly #held = new Map<string, HeldKey<Key> | 'reserved'>()
  #closed = false

  /** Throws `PsaErrorDoesNotExist`. */
  find(identity: KeyIdentity): HeldKey<Key> {
    this.#requireOpen()
    const held = this.#held.get(ringKey(identity))
    if (held === undefined || held === 'reserved') {
      throw new ParsecError(ResponseStatus.PsaErrorDoesNotExist, 'there is no key of that name')
    }
    return held
  }

  list(): readonly HeldKey<Key>[] {
    return [...this.#held.values()].filter((held) => held !== 'reserved')
  }

  /** Takes the name while `make` runs and for good when it succeeds. Throws `PsaErrorAlreadyExists`. */
  async add(identity: KeyIdentity, make: () => Promise<HeldKey<Key>>): Promise<void> {
    this.#requireOpen()
    const name = ringKey(identity)
    if (this.#held.has(name)) {
      throw new ParsecError(ResponseStatus.PsaErrorAlreadyExists, 'there is a key of that name already')
    }
    this.#held.set(name, 'reserved')
    try {
      this.#held.set(name, await make())
    } catch (error) {
      this.#held.delete(name)
      throw error
    }
  }

  /** Hides the key while `destroy` runs; a key that could not be destroyed stays in the ring. */
  async remove(identity: KeyIdentity, destroy: (held: HeldKey<Key>) => Promise<void>): Promise<void> {
    const held = this.find(identity)
    const name = ringKey(identity)
    this.#held.set(name, 'reserved')
    try {
      await destroy(held)
      this.#held.delete(name)
    } catch (error) {
      this.#held.set(name, held)
      throw error
    }
  }

  /** Forgets every key; from now on every operation throws `PsaErrorBadState`. */
  close(): void {
    this.#closed = true
    this.#held.clear()
  }

  #requireOpen(): void {
    if (this.#closed) throw new ParsecError(ResponseStatus.PsaErrorBadState, 'the provider is closed')
  }
}

/** Unambiguous: with a separator alone, ("a", "b/c") and ("a/b", "c") would be one key. */
function ringKey({ applicationIdentity, keyName }: KeyIdentity): string {
  for (const name of [applicationIdentity, keyName]) {
    if (name === '' || Buffer.byteLength(name) > maxNameBytes) {
      throw invalidArgument(`a key's name and its owner have 1 to ${maxNameBytes} bytes each`)
    }
  }
  return JSON.stringify([applicationIdentity, keyName])
}
