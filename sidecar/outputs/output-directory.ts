import { randomBytes } from 'node:crypto'
import { open, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { OutputError, systemCode } from './errors.js'

/**
 * Tries before anything is written whether files can be put into the directory. It is not made: one that is not there is
 * a volume that was not mounted or a slip of the pen, and files beside it would serve nobody. Throws `OutputError`.
 */
export async function assertWritable(directory: string): Promise<void> {
  try {
    const found = await stat(directory)
    if (!found.isDirectory()) throw new OutputError('ERR_OUTPUT_DIRECTORY', `"${directory}" is no directory`)
    await tryToWrite(directory)
  } catch (error) {
    if (error instanceof OutputError) throw error
    throw new OutputError('ERR_OUTPUT_DIRECTORY', `the directory "${directory}" ${reasonOf(error)}`, { cause: error })
  }
}

/** By doing it: permission bits say nothing of read-only mounts, access control lists and the effective user. */
async function tryToWrite(directory: string): Promise<void> {
  const path = join(directory, `.svidecar.${randomBytes(8).toString('hex')}.partial`)
  const handle = await open(path, 'wx', 0o600)
  await handle.close()
  await unlink(path)
}

function reasonOf(error: unknown): string {
  const code = systemCode(error) ?? ''
  if (code === 'ENOENT') return 'does not exist: create it'
  if (code === 'EROFS') return 'is on a read-only file system'
  if (code !== 'EACCES' && code !== 'EPERM') return 'cannot be written to'
  return `is not writable for uid ${process.geteuid?.()}: check its owner and mode`
}
