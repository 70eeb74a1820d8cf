import type { KeyObject } from 'node:crypto'
import type { Algorithm } from './algorithm.js'
import type { Availability, AvailabilityListener } from './availability.js'
import type { KeyAttributes, KeyIdentity, KeyOrigin } from './key-attributes.js'
import type { DeviceObject } from './key-check.js'
import type { CryptoCheck } from './provider.js'

/** A key a device has open. Each kind of device adds what it needs to reach the private half. */
export interface DeviceKey {
  readonly publicKey: KeyObject
}

/**
 * What a kind of device can do. `createDeviceProvider` makes a `Provider` of it and adds what all share: names, policy,
 * the key store, public operations. So a device checks nothing twice: attributes it gets were found supported, and an
 * operation was found permitted, and none is asked of it while it says that it is lost.
 *
 * A device bounds its own operations: one that does not answer in time throws `PsaErrorCommunicationFailure`, and the
 * device says that it is lost, reopens itself with a capped back-off, and says when it is ready. A key whose object is
 * gone from the device throws `PsaErrorDoesNotExist`.
 */
export interface KeyDevice<Key extends DeviceKey> {
  /** The factory's type, for messages. */
  readonly type: string
  residencyOf(origin: KeyOrigin): string
  /** Throws `PsaErrorNotSupported` when the device cannot do this with such a key. */
  requireSupported(check: CryptoCheck, attributes: KeyAttributes): void
  /** `identity` is for a label people recognise the key by; what makes it unique is the device's own. */
  generateKey(attributes: KeyAttributes, identity: KeyIdentity): Promise<Key>
  /** `data` in PSA's format; the caller wipes it. */
  importKey?(attributes: KeyAttributes, data: Uint8Array, identity: KeyIdentity): Promise<Key>
  /** What the key store keeps of a key: a wrapped blob, a handle's name, for software the key itself. Wiped after use. */
  storedForm(key: Key): Uint8Array
  /**
   * The way back; `stored` is wiped after the call. Throws `PsaErrorDoesNotExist`, with the reason as its message, when
   * the device no longer has the key: the provider opens nevertheless and lists the key as missing.
   */
  openKey(attributes: KeyAttributes, stored: Uint8Array): Promise<Key>
  /** Throws `PsaErrorDoesNotExist` when the device no longer has the key; asked after the device was lost. */
  verifyKey?(key: Key): Promise<void>
  /** r and s side by side for ECDSA. */
  signHash?(key: Key, algorithm: Algorithm, hash: Uint8Array): Promise<Uint8Array>
  signMessage?(key: Key, algorithm: Algorithm, message: Uint8Array): Promise<Uint8Array>
  exportKey?(key: Key): Promise<Uint8Array>
  exportForDataPlane?(key: Key): Uint8Array
  /** A key whose object is gone is destroyed already: no error. */
  destroyKey(key: Key): Promise<void>
  generateRandom?(size: number): Promise<Uint8Array>
  /** Every key on the device that bears the mark of keys made here. */
  listObjects?(): Promise<readonly DeviceObject[]>
  destroyObject?(object: DeviceObject): Promise<void>
  /** Volatile keys leave something on the device too, so they enter the store until they are destroyed. */
  readonly storesVolatileKeys?: boolean
  /** Absent: always ready. */
  readonly availability?: Availability
  /** Calls `listener` at every change; returns how to stop that. */
  onAvailability?(listener: AvailabilityListener): () => void
  close(): Promise<void>
}
