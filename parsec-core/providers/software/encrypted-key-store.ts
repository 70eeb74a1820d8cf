import { createHash, hkdfSync } from 'node:crypto'
import { chmod, mkdir, open, readdir, readFile, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { lockFile } from '../../../native/index.js'
import { ParsecError, withStatus } from '../../errors.js'
import type { KeyIdentity } from '../../key-attributes.js'
import type { KeyStore, KeyStoreEntry } from '../../key-store.js'
import { ResponseStatus } from '../../response-status.js'
import { openKeyFile, sealKeyFile } from './key-file.js'

const keyFileName = /^[0-9a-f]{64}\.key$/u
/** What is left of a write that a crash cut off; the write was never reported done. */
const leftover = /^[0-9a-f]{64}\.key\.\d+$/u
const minSecretBytes = 32
const maxSecretBytes = 4096

/** Where an encrypted store lies and what opens it. */
export interface EncryptedKeyStoreOptions {
  readonly directory: string
  /** A file of 32 random bytes or more, readable by its owner and group at most. */
  readonly storeKeyFile: string
}

/**
 * A directory (0700) with one file a key, each sealed with a key derived from the store key file and replaced
 * atomically. Throws `ParsecError`: `PsaErrorStorageFailure` for files and permissions,
 * `PsaErrorBadState` when it is in use, `PsaErrorDataCorrupt`.
 */
export async function openEncryptedKeyStore(options: EncryptedKeyStoreOptions): Promise<KeyStore> {
  const { directory } = options
  const storage = <Value>(what: string, step: () => Promise<Value>) =>
    withStatus(ResponseStatus.PsaErrorStorageFailure, `cannot ${what} the key store "${directory}"`, step)
  const key = await readStoreKey(options.storeKeyFile)
  await storage('open', async () => {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await chmod(directory, 0o700)
  })
  const lock = await storage('lock', async () => lockFile(join(directory, 'lock')))
  if (!lock) {
    const message = `the key store "${directory}" is in use already`
    throw new ParsecError(ResponseStatus.PsaErrorBadState, message)
  }
  return {
    load: () => storage('read', () => loadEntries(directory, key)),
    put: (entry) =>
      storage('write to', async () => {
        const name = fileNameOf(entry.identity)
        await writeFileAtomic(join(directory, name), Buffer.from(sealKeyFile(entry, key, name)), { mode: 0o600 })
        await syncDirectory(directory)
      }),
    delete: (identity) =>
      storage('delete from', async () => {
        await unlink(join(directory, fileNameOf(identity)))
        await syncDirectory(directory)
      }),
    close: async () => {
      key.fill(0)
      lock.release()
    },
  }
}

async function loadEntries(directory: string, key: Uint8Array): Promise<readonly KeyStoreEntry[]> {
  const entries: KeyStoreEntry[] = []
  for (const name of await readdir(directory)) {
    if (leftover.test(name)) await unlink(join(directory, name))
    if (keyFileName.test(name)) entries.push(openKeyFile(await readFile(join(directory, name)), key, name))
  }
  return entries
}

/** A hash, since names are anything and file names are not. */
function fileNameOf({ applicationIdentity, keyName }: KeyIdentity): string {
  return `${createHash('sha256')
    .update(JSON.stringify([applicationIdentity, keyName]))
    .digest('hex')}.key`
}

/** A rename is on the disk only once its directory is. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
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
