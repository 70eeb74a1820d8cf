import { deviceKeyFile } from './device-key-file.js'
import { openKeyDirectory } from './key-directory.js'
import type { KeyStore } from './key-store.js'

export interface KeyStoreOptions {
  /** Made with mode 0700 when it is not there. */
  readonly directory: string
  /** The factory's type: another one's keys are refused. */
  readonly providerType: string
}

/**
 * The key store of a device: what it needs to find its keys again, never a key in the clear. Throws `ParsecError`:
 * `PsaErrorStorageFailure` for files and permissions, `PsaErrorBadState` when it is in use; `load` throws
 * `PsaErrorDataCorrupt` for an entry that was cut short or edited, with the file's name.
 */
export function openKeyStore({ directory, providerType }: KeyStoreOptions): Promise<KeyStore> {
  return openKeyDirectory(directory, deviceKeyFile(providerType))
}
