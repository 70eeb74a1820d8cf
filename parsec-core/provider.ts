import type { Algorithm } from './algorithm.js'
import type { Availability, AvailabilityListener } from './availability.js'
import type { KeyAttributes, KeyIdentity, KeyInfo } from './key-attributes.js'
import type { DeviceObject, KeyCheck } from './key-check.js'

/**
 * Something that holds keys and uses them: PSA's operations under Parsec's names. A method that is absent is an
 * operation the provider does not have (`opcodesOf`). Data is in PSA's formats: an RSA public key is PKCS#1
 * `RSAPublicKey`, an ECC public key the uncompressed point, a private ECC key the bare scalar, a private RSA key
 * PKCS#1 `RSAPrivateKey`, an ECDSA signature r and s side by side. Every failure is a `ParsecError`.
 */
export interface Provider {
  /** The operator's label; logs and messages name the provider by it. */
  readonly name: string
  /** The factory's type. */
  readonly type: string
  readonly uuid: string
  /** Keys of lifetime `persistent` outlive the provider. Where there is no store, making one is `PsaErrorNotSupported`. */
  readonly storesKeys: boolean

  /** While it is lost, what needs the device throws `PsaErrorCommunicationFailure` at once, with the reason. */
  readonly availability: Availability
  /** Calls `listener` at every change, keys found again or missed already; returns how to stop that. */
  onAvailability(listener: AvailabilityListener): () => void
  /** Calls `listener` when a key held turns out to be gone from the device; returns how to stop that. */
  onKeyMissing(listener: (key: KeyInfo) => void): () => void

  /** Makes a key inside the provider. `PsaErrorAlreadyExists` for a name in use. */
  psaGenerateKey?(key: KeyIdentity, attributes: KeyAttributes): Promise<void>
  /** Takes a private key over. `data` stays the caller's, to wipe. `PsaErrorInvalidArgument` when it is no such key. */
  psaImportKey?(key: KeyIdentity, attributes: KeyAttributes, data: Uint8Array): Promise<void>
  psaExportPublicKey?(key: KeyIdentity): Promise<Uint8Array>
  /** The private key, for a key whose policy has the usage flag `export`. The caller wipes it. */
  psaExportKey?(key: KeyIdentity): Promise<Uint8Array>
  psaDestroyKey?(key: KeyIdentity): Promise<void>
  psaSignHash?(key: KeyIdentity, algorithm: Algorithm, hash: Uint8Array): Promise<Uint8Array>
  /** `PsaErrorInvalidSignature` when it does not verify. */
  psaVerifyHash?(key: KeyIdentity, algorithm: Algorithm, hash: Uint8Array, signature: Uint8Array): Promise<void>
  psaSignMessage?(key: KeyIdentity, algorithm: Algorithm, message: Uint8Array): Promise<Uint8Array>
  /** `PsaErrorInvalidSignature` when it does not verify. */
  psaVerifyMessage?(key: KeyIdentity, algorithm: Algorithm, message: Uint8Array, signature: Uint8Array): Promise<void>
  psaGenerateRandom?(size: number): Promise<Uint8Array>
  /** Resolves when the provider could do `check` with such a key; `PsaErrorNotSupported` otherwise. */
  canDoCrypto?(check: CryptoCheck, attributes: KeyAttributes): Promise<void>

  /** `PsaErrorDoesNotExist` for a name not held. */
  keyInfo(key: KeyIdentity): KeyInfo
  /** Every key held, of every application, those whose device lost them included. */
  listKeys(): readonly KeyInfo[]
  /** Compares what is held with what the device has. */
  checkKeys?(): Promise<KeyCheck>
  /** Destroys an object `checkKeys` found; `PsaErrorNotPermitted` for one that is a key held. */
  destroyOrphan?(orphan: DeviceObject): Promise<void>
  /**
   * PKCS#8 of a key for the TLS data plane of this process, whatever the key's policy says of export: the key does
   * not leave the process. Software keys only; a device's key stays in the device. The caller wipes it.
   */
  exportForDataPlane?(key: KeyIdentity): Uint8Array
  /** Ends sessions and locks; volatile keys are gone. Idempotent. */
  close(): Promise<void>
}

export type CryptoCheck = 'use' | 'generate' | 'import'

/** What the surroundings give a provider when it opens. */
export interface ProviderContext {
  /** The label of its block. */
  readonly name: string
}

/**
 * A block's keys and values as plain data (durations in milliseconds), defaults written out: two blocks are the same
 * provider exactly when these are equal, and `openProvider` opens one from them. Names of files, never their contents.
 */
export type ProviderSettings = Readonly<Record<string, unknown>>

/** A block that was read without a fault: ready to open, comparable at a reload. */
export interface ConfiguredProvider {
  readonly type: string
  readonly settings: ProviderSettings
  open(context: ProviderContext): Promise<Provider>
}

/** A kind of provider. One file exports it, one line of `providers/index.ts` lists it. */
export interface ProviderFactory {
  /** What the operator writes: `type = "Software"`. */
  readonly type: string
  readonly uuid: string
  /**
   * Reads this provider's keys of a `key_provider` block. Touches no hardware and no file, so that `validate` can call
   * it. Reports what is wrong through `table.fault`; its result counts only when no fault was reported.
   */
  configure(table: ConfigTable): ConfiguredProvider
}

/**
 * A `key_provider` block as a factory reads it. The getters report a value of the wrong type as a fault themselves and
 * answer undefined; a key nobody asked for is an unknown key, which whoever made the table reports.
 */
export interface ConfigTable {
  string(key: string): string | undefined
  integer(key: string): number | undefined
  boolean(key: string): boolean | undefined
  /** A duration such as `5s`, in milliseconds. */
  durationMs(key: string): number | undefined
  /** A fault at `key`, or at the block itself when the key is absent. */
  fault(key: string, message: string): void
}
