import type { BindingTpm, BindingTpmKey } from './tpm-binding.js'
import { toTpmError } from './tpm-error.js'
import { tpmAddon } from './tpm-loader.js'

export interface TpmOptions {
  /** `device:/dev/tpmrm0`, `swtpm:host=127.0.0.1,port=2321`, `tabrmd`. */
  readonly tcti: string
  /** Salted HMAC sessions with parameter encryption; else password sessions, for a TPM in software on this machine. */
  readonly saltedSessions: boolean
  /** How long an operation may wait, and how long it may then take; an RSA key may take twelve times that to make. */
  readonly operationTimeoutMs: number
}

/** What a TPM said of itself when it was opened. */
export interface TpmInfo {
  /** The Name of the root key, which another TPM, or this one after it was cleared, has not. */
  readonly rootName: Uint8Array
  /** x and y of the root's P-256 point, side by side: what imported keys are encrypted for. */
  readonly rootPoint: Uint8Array
  /** `ec-p256` … `rsa-4096`, those it has. */
  readonly kinds: readonly string[]
  /** Names of Parsec's algorithms, those it has. */
  readonly algorithms: readonly string[]
}

/** A key as the blob only its TPM can use. */
export class TpmKey {
  /** x and y side by side, or the modulus (the exponent is 65537). */
  readonly publicKey: Uint8Array
  /** TPMT_PUBLIC. */
  readonly publicArea: Uint8Array
  /** The contents of TPM2B_PRIVATE. */
  readonly wrappedPrivate: Uint8Array
  readonly rootName: Uint8Array
  readonly #binding: BindingTpmKey

  /** Made by `Tpm` alone. */
  constructor(binding: BindingTpmKey) {
    this.#binding = binding
    this.publicKey = binding.publicKey()
    this.publicArea = binding.publicArea()
    this.wrappedPrivate = binding.wrappedPrivate()
    this.rootName = binding.rootName()
  }

  /** What the addon holds of `key`. */
  static bindingOf(key: TpmKey): BindingTpmKey {
    return key.#binding
  }
}

/** Those that are not closed. */
const open = new Set<BindingTpm>()

/** `process.exit()` runs no clean-up hook of an addon, and what is left in a TPM without resource manager stays there. */
function leaveAtExit(binding: BindingTpm): void {
  if (open.size === 0) process.on('exit', leaveAll)
  open.add(binding)
}

function leaveAll(): void {
  for (const binding of open) binding.leave()
}

function forgetAtExit(binding: BindingTpm): void {
  if (open.delete(binding) && open.size === 0) process.off('exit', leaveAll)
}

/**
 * One TPM and the one thread that speaks with it. Every method throws `TpmError`; after `ERR_TPM_LOST` and
 * `ERR_TPM_TIMEOUT` the TPM has to be opened anew, as often as it takes. A TPM without resource manager is ours alone:
 * opening it flushes what others left loaded.
 */
export class Tpm {
  readonly #binding: BindingTpm
  #closing: Promise<void> | undefined

  private constructor(binding: BindingTpm) {
    this.#binding = binding
  }

  /** Starts the thread; nothing is opened yet. */
  static start({ tcti, saltedSessions, operationTimeoutMs }: TpmOptions): Tpm {
    try {
      const binding = tpmAddon().startTpm(tcti, saltedSessions, operationTimeoutMs)
      leaveAtExit(binding)
      return new Tpm(binding)
    } catch (error) {
      throw toTpmError(error)
    }
  }

  /** `ownerAuth` is the owner hierarchy's authorization, empty when there is none; kept for a reopening, wiped at the end. */
  open(ownerAuth: Uint8Array): Promise<TpmInfo> {
    return crossing(() => this.#binding.open(ownerAuth))
  }

  async generateKey(kind: string): Promise<TpmKey> {
    return new TpmKey(await crossing(() => this.#binding.generateKey(kind)))
  }

  /** Takes over a key that is encrypted for the root (TPM 2.0 Part 1, 23.3), whose public half is `publicKey`. */
  async importKey(kind: string, publicKey: Uint8Array, duplicate: Uint8Array, secret: Uint8Array): Promise<TpmKey> {
    return new TpmKey(await crossing(() => this.#binding.importKey(kind, publicKey, duplicate, secret)))
  }

  /** A key that was kept outside; proved to be this TPM's. */
  async openKey(kind: string, stored: Pick<TpmKey, 'publicArea' | 'wrappedPrivate' | 'rootName'>): Promise<TpmKey> {
    const { publicArea, wrappedPrivate, rootName } = stored
    return new TpmKey(await crossing(() => this.#binding.openKey(kind, publicArea, wrappedPrivate, rootName)))
  }

  /** Throws `ERR_TPM_FOREIGN_KEY` when the TPM is no longer the one the key was made for. */
  checkKey(key: TpmKey): Promise<void> {
    return crossing(() => this.#binding.checkKey(TpmKey.bindingOf(key)))
  }

  /** Takes a key out of the TPM's memory. */
  forgetKey(key: TpmKey): Promise<void> {
    return crossing(() => this.#binding.forgetKey(TpmKey.bindingOf(key)))
  }

  /** ECDSA gives r and s side by side. */
  signHash(key: TpmKey, algorithm: string, hash: Uint8Array): Promise<Uint8Array> {
    return crossing(() => this.#binding.signHash(TpmKey.bindingOf(key), algorithm, hash))
  }

  /** At most 1,024 bytes. */
  random(size: number): Promise<Uint8Array> {
    return crossing(() => this.#binding.random(size))
  }

  /** Flushes what is loaded and ends the thread; one that hangs in the TPM is left alone. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= crossing(() => this.#binding.close()).finally(() => forgetAtExit(this.#binding))
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** The public area (TPMT_PUBLIC) a key gets when it is imported. Throws `TpmError`. */
export function tpmImportArea(kind: string, publicKey: Uint8Array): Uint8Array {
  try {
    return tpmAddon().importArea(kind, publicKey)
  } catch (error) {
    throw toTpmError(error)
  }
}

async function crossing<Value>(call: () => Promise<Value>): Promise<Value> {
  try {
    return await call()
  } catch (error) {
    throw toTpmError(error)
  }
}
