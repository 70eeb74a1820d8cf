import { createHash } from 'node:crypto'
import { chmod, mkdir, open, readdir, readFile, rm, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { lockFile } from '../../native/index.js'
import { ParsecError, withStatus } from '../errors.js'
import type { KeyIdentity } from '../key-attributes.js'
import { ResponseStatus } from '../response-status.js'
import type { KeyStore, KeyStoreEntry } from './key-store.js'

/** How one key is written as a file. `fileName` is for messages and may be authenticated. */
export interface KeyFileFormat {
  write(entry: KeyStoreEntry, fileName: string): Uint8Array
  /** Throws `PsaErrorDataCorrupt`, naming the file. */
  read(file: Uint8Array, fileName: string): KeyStoreEntry
  /** Called once, when the store closes. */
  close?(): void
}

const keyFileName = /^[0-9a-f]{64}\.key$/u
/** What is left of a write that a crash cut off; the write was never reported done. */
const leftover = /^[0-9a-f]{64}\.key\.\d+$/u

/**
 * A key store as a directory (0700) with one file a key, each replaced atomically and synced with its directory, locked
 * until it is closed: two processes would destroy each other's keys. Throws `ParsecError`: `PsaErrorStorageFailure` for
 * files and permissions, `PsaErrorBadState` when it is in use.
 */
export async function openKeyDirectory(directory: string, format: KeyFileFormat): Promise<KeyStore> {
  const storage = <Value>(what: string, step: () => Promise<Value>) =>
    withStatus(ResponseStatus.PsaErrorStorageFailure, `cannot ${what} the key store "${directory}"`, step)
  await storage('open', async () => {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await chmod(directory, 0o700)
  })
  const lock = await storage('lock', async () => lockFile(join(directory, 'lock')))
  if (!lock) {
    const message = `the key store "${directory}" is in use already: is another svidecar running with it?`
    throw new ParsecError(ResponseStatus.PsaErrorBadState, message)
  }
  return {
    load: () => storage('read', () => loadEntries(directory, format)),
    put: (entry) =>
      storage('write to', async () => {
        const name = fileNameOf(entry.identity)
        await writeFileAtomic(join(directory, name), Buffer.from(format.write(entry, name)), { mode: 0o600 })
        await syncDirectory(directory)
      }),
    delete: (identity) =>
      storage('delete from', async () => {
        await rm(join(directory, fileNameOf(identity)), { force: true })
        await syncDirectory(directory)
      }),
    close: async () => {
      format.close?.()
      lock.release()
    },
  }
}

async function loadEntries(directory: string, format: KeyFileFormat): Promise<readonly KeyStoreEntry[]> {
  const entries: KeyStoreEntry[] = []
  for (const name of await readdir(directory)) {
    if (leftover.test(name)) await unlink(join(directory, name))
    if (keyFileName.test(name)) entries.push(await loadEntry(directory, name, format))
  }
  return entries
}

/** An entry under the name of another would be taken for that one by whoever deletes it. */
async function loadEntry(directory: string, name: string, format: KeyFileFormat): Promise<KeyStoreEntry> {
  const entry = format.read(await readFile(join(directory, name)), name)
  if (fileNameOf(entry.identity) === name) return entry
  throw new ParsecError(ResponseStatus.PsaErrorDataCorrupt, `the stored key "${name}" is of another name than its file`)
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
