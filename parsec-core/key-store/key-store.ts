import type { KeyAttributes, KeyIdentity, KeyOrigin } from '../key-attributes.js'

/** One key as a store keeps it. */
export interface KeyStoreEntry {
  readonly identity: KeyIdentity
  readonly attributes: KeyAttributes
  readonly origin: KeyOrigin
  /** The device's `storedForm`. Whoever made or read it wipes it. */
  readonly material: Uint8Array
}

/** Keeps the keys of one provider across restarts: each entry is there whole or not at all. */
export interface KeyStore {
  load(): Promise<readonly KeyStoreEntry[]>
  /** The entry survives a crash from the moment this resolves. */
  put(entry: KeyStoreEntry): Promise<void>
  delete(identity: KeyIdentity): Promise<void>
  close(): Promise<void>
}
