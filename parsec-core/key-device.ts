import type { KeyObject } from 'node:crypto'
import type { Algorithm } from './algorithm.js'
import type { KeyAttributes, KeyOrigin } from './key-attributes.js'
import type { CryptoCheck } from './provider.js'

/** A key a device has open. Each kind of device adds what it needs to reach the private half. */
export interface DeviceKey {
  readonly publicKey: KeyObject
}

/**
 * What a kind of device can do. `createDeviceProvider` makes a `Provider` of it and adds what all share: names, policy,
 * the key store, public operations. So a device checks nothing twice: attributes it gets were found supported, and an
 * operation was found permitted.
 */
export interface KeyDevice<Key extends DeviceKey> {
  /** The factory's type, for messages. */
  readonly type: string
  residencyOf(origin: KeyOrigin): string
  /** Throws `PsaErrorNotSupported` when the device cannot do this with such a key. */
  requireSupported(check: CryptoCheck, attributes: KeyAttributes): void
  generateKey(attributes: KeyAttributes): Promise<Key>
  /** `data` in PSA's format; the caller wipes it. */
  importKey?(attributes: KeyAttributes, data: Uint8Array): Promise<Key>
  /** What the key store keeps of a key: a wrapped blob, a handle's name, for software the key itself. */
  storedForm(key: Key): Uint8Array
  /** The way back. Throws when the device no longer has the key. */
  openKey(attributes: KeyAttributes, stored: Uint8Array): Promise<Key>
  /** r and s side by side for ECDSA. */
  signHash?(key: Key, algorithm: Algorithm, hash: Uint8Array): Promise<Uint8Array>
  signMessage?(key: Key, algorithm: Algorithm, message: Uint8Array): Promise<Uint8Array>
  exportKey?(key: Key): Promise<Uint8Array>
  exportForDataPlane?(key: Key): Uint8Array
  destroyKey(key: Key): Promise<void>
  generateRandom?(size: number): Promise<Uint8Array>
  close(): Promise<void>
}
