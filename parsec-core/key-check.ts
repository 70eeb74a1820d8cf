import type { KeyInfo } from './key-attributes.js'

/** A key found on a device that bears the mark of keys made here. */
export interface DeviceObject {
  /** What a person finds it by with the device's own tools: the CKA_ID in hexadecimal, a handle. */
  readonly id: string
  readonly label: string
  /** Equals the `storedForm` of the key it is. */
  readonly reference: Uint8Array
}

/** What a provider's key store and its device say of each other. */
export interface KeyCheck {
  /** In the store, and gone from the device. */
  readonly missing: readonly KeyInfo[]
  /** On the device, and known to nobody: left by a crash, or another store's on a device that is shared. */
  readonly orphans: readonly DeviceObject[]
}
