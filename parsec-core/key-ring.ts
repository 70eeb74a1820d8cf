import { invalidArgument, ParsecError } from './errors.js'
import type { KeyAttributes, KeyIdentity, KeyOrigin } from './key-attributes.js'
import type { DeviceKey } from './key-device.js'
import { ResponseStatus } from './response-status.js'

interface KnownKey {
  readonly identity: KeyIdentity
  readonly attributes: KeyAttributes
  readonly origin: KeyOrigin
}

/** A key of the ring with what was said of it when it was made. */
export interface HeldKey<Key extends DeviceKey> extends KnownKey {
  readonly state: 'held'
  readonly key: Key
}

/** A key that is known and that the device no longer has. */
export interface MissingKey<Key extends DeviceKey> extends KnownKey {
  readonly state: 'missing'
  readonly reason: string
  /** The key as it was open, or what the store has of one that could not be opened: the device may find it again. */
  readonly last: { readonly key: Key } | { readonly stored: Uint8Array }
}

export type RingKey<Key extends DeviceKey> = HeldKey<Key> | MissingKey<Key>

const maxNameBytes = 1024

/** The names of one provider's keys. A name is taken from the first step of making its key, so no two can race for it. */
export class KeyRing<Key extends DeviceKey> {
  readonly #keys = new Map<string, RingKey<Key> | 'reserved'>()
  readonly #pending = new Set<Promise<unknown>>()
  #closed = false

  /** A key that can be used. Throws `PsaErrorDoesNotExist`, for a missing one with the reason. */
  find(identity: KeyIdentity): HeldKey<Key> {
    const known = this.know(identity)
    if (known.state === 'held') return known
    throw new ParsecError(ResponseStatus.PsaErrorDoesNotExist, `the key is gone from its device: ${known.reason}`)
  }

  /** A key that is held or missing. Throws `PsaErrorDoesNotExist`. */
  know(identity: KeyIdentity): RingKey<Key> {
    this.#requireOpen()
    const known = this.#keys.get(ringKey(identity))
    if (known === undefined || known === 'reserved') {
      throw new ParsecError(ResponseStatus.PsaErrorDoesNotExist, 'there is no key of that name')
    }
    return known
  }

  list(): readonly RingKey<Key>[] {
    return [...this.#keys.values()].filter((known) => known !== 'reserved')
  }

  /** Takes the name while `make` runs and for good when it succeeds. Throws `PsaErrorAlreadyExists`. */
  async add(identity: KeyIdentity, make: () => Promise<RingKey<Key>>): Promise<void> {
    this.#requireOpen()
    const name = ringKey(identity)
    if (this.#keys.has(name)) {
      throw new ParsecError(ResponseStatus.PsaErrorAlreadyExists, 'there is a key of that name already')
    }
    await this.#reserve(name, undefined, make)
  }

  /** What became of a key, held or missing; false when it is not `before` any more: removed, or changed by another. */
  replace(before: RingKey<Key>, after: RingKey<Key>): boolean {
    const name = ringKey(before.identity)
    if (this.#keys.get(name) !== before) return false
    this.#keys.set(name, after)
    return true
  }

  /** Hides the key while `destroy` runs; a key that could not be destroyed stays in the ring. */
  async remove(identity: KeyIdentity, destroy: (known: RingKey<Key>) => Promise<void>): Promise<void> {
    const known = this.know(identity)
    const name = ringKey(identity)
    await this.#reserve(name, known, async () => {
      await destroy(known)
      return undefined
    })
  }

  /** Resolves when every key that is being made or destroyed at this moment is in the ring, or out of it. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#pending)
  }

  /** Forgets every key; from now on every operation throws `PsaErrorBadState`. */
  close(): void {
    this.#closed = true
    this.#keys.clear()
  }

  /** Holds the name while `step` runs: what it gives takes the place, and when it fails `before` does again. */
  async #reserve(name: string, before: RingKey<Key> | undefined, step: () => Promise<RingKey<Key> | undefined>) {
    const run = async () => {
      let next = before
      try {
        next = await step()
      } finally {
        if (next === undefined) this.#keys.delete(name)
        else this.#keys.set(name, next)
      }
    }
    this.#keys.set(name, 'reserved')
    const running = run()
    this.#pending.add(running)
    await running.finally(() => this.#pending.delete(running))
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
