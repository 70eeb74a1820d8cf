import { hkdfSync } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { ParsecError, withStatus } from '../../errors.js'
import { openKeyDirectory } from '../../key-store/key-directory.js'
import type { KeyStore } from '../../key-store/key-store.js'
import { ResponseStatus } from '../../response-status.js'
import { openKeyFile, sealKeyFile } from './key-file.js'

const minSecretBytes = 32
const maxSecretBytes = 4096

/** Where an encrypted store lies and what opens it. */
export interface EncryptedKeyStoreOptions {
  readonly directory: string
  /** A file of 32 random bytes or more, readable by its owner and group at most. */
  readonly storeKeyFile: string
}

/**
 * A key directory whose files are sealed with a key derived from the store key file. Throws `ParsecError`:
 * `PsaErrorStorageFailure` for files and permissions, `PsaErrorBadState` when it is in use, `PsaErrorDataCorrupt`.
 */
export async function openEncryptedKeyStore(options: EncryptedKeyStoreOptions): Promise<KeyStore> {
  const key = await readStoreKey(options.storeKeyFile)
  try {
    return await openKeyDirectory(options.directory, {
      write: (entry, fileName) => sealKeyFile(entry, key, fileName),
      read: (file, fileName) => openKeyFile(file, key, fileName),
      close: () => key.fill(0),
    })
  } catch (error) {
    key.fill(0)
    throw error
  }
}

async function readStoreKey(path: string): Promise<Uint8Array> {
  const failure = `cannot read the store key file "${path}"`
  const secret = await withStatus(ResponseStatus.PsaErrorStorageFailure, failure, async () => {
    const { mode, size } = await stat(path)
    if ((mode & 0o007) !== 0) throw refused(path, 'everybody may use it: its mode must end in 0')
    if (size < minSecretBytes || size > maxSecretBytes) {
      throw refused(path, `it must have ${minSecretBytes} to ${maxSecretBytes} random bytes`)
    }
    return readFile(path)
  })
  const key = new Uint8Array(hkdfSync('sha256', secret, Buffer.alloc(0), 'svidecar software key store 1', 32))
  secret.fill(0)
  return key
}

function refused(path: string, reason: string): ParsecError {
  return new ParsecError(ResponseStatus.PsaErrorStorageFailure, `the store key file "${path}" is refused: ${reason}`)
}
