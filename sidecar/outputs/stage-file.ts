import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { inTheWay, systemCode, writeError } from './errors.js'
import { digestOf, type OutputFile, type Ownership } from './file-set.js'

/** A file written beside its place, complete and on the disk, to be renamed into it. */
export interface StagedFile {
  readonly temporary: string
  readonly path: string
}

/** By descriptor: a thousand outputs that rotate together are felt, and a `FileHandle` costs as much as the calls. */
const [openFile, writeFile, closeFile] = [promisify(fs.open), promisify(fs.writeFile), promisify(fs.close)]
const [fchmod, fchown, fsync] = [promisify(fs.fchmod), promisify(fs.fchown), promisify(fs.fsync)]
const privateMode = 0o600
/** To chown(2): leave it as it is. */
const unchanged = -1

const processMark = randomBytes(4).toString('hex')
let marks = 0

/** Another one each time, in this process and in every other. */
function nextMark(): string {
  marks = (marks + 1) % 2 ** 32
  return processMark + marks.toString(16).padStart(8, '0')
}

const temporaryName = /^\.(.+)\.[0-9a-f]{16}\.partial$/

/** The name a leftover of an earlier process was to get; undefined for any other file. */
export function nameOfTemporary(entry: string): string | undefined {
  return temporaryName.exec(entry)?.[1]
}

/** Writes the file under a temporary name in `directory`. Throws `OutputError` and leaves nothing. */
export async function stageFile(directory: string, file: OutputFile, ownership: Ownership): Promise<StagedFile> {
  const path = join(directory, file.name)
  const temporary = `${directory}/.${file.name}.${nextMark()}.partial`
  try {
    await createFile(temporary, file, ownership)
    return { temporary, path }
  } catch (error) {
    await removeQuietly(temporary)
    throw writeError(path, error)
  }
}

/** Makes a file that was not there, with mode and owner whatever the umask is, and has it on the disk. */
export async function createFile(path: string, { content, mode }: OutputFile, ownership: Ownership): Promise<void> {
  // 0600 until the owner is set: at no moment can somebody read whom the final mode would keep out.
  const descriptor = await openFile(path, 'wx', privateMode)
  try {
    await writeFile(descriptor, content)
    const { uid, gid } = ownership
    if (uid !== undefined || gid !== undefined) await fchown(descriptor, uid ?? unchanged, gid ?? unchanged)
    if (mode !== privateMode) await fchmod(descriptor, mode)
    await fsync(descriptor)
  } finally {
    await closeFile(descriptor)
  }
}

/**
 * Whether the file at `path` is a regular one with this very content. If so, its mode and owner are set again: somebody
 * may have changed them, and nobody else would set them back.
 */
export async function keepIfSame(path: string, file: OutputFile, ownership: Ownership): Promise<boolean> {
  const handle = await openExisting(path)
  if (handle === undefined) return false
  try {
    const { size, isRegular, isDirectory } = await describe(handle)
    if (isDirectory) throw inTheWay(path)
    if (!isRegular || size !== file.content.length) return false
    if (!(await handle.readFile()).equals(file.content)) return false
    await setAttributes(handle, file.mode, ownership)
    return true
  } catch (error) {
    throw writeError(path, error)
  } finally {
    await handle.close()
  }
}

/** The digest of a regular file with its mode; undefined when there is none, or none that can be read. */
export async function readWritten(path: string): Promise<{ digest: string; mode: number } | undefined> {
  const handle = await openExisting(path)
  if (handle === undefined) return undefined
  try {
    const { isRegular, mode } = await describe(handle)
    return isRegular ? { digest: digestOf(await handle.readFile()), mode } : undefined
  } finally {
    await handle.close()
  }
}

export async function removeQuietly(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    // It is gone, or it stays behind as a dot file that the next start removes; the first error is the one to tell.
    if (systemCode(error) === undefined) throw error
  }
}

/** Has a directory's new names on the disk. */
export async function syncDirectory(directory: string): Promise<void> {
  const descriptor = await openFile(directory, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY)
  try {
    await fsync(descriptor)
  } finally {
    await closeFile(descriptor)
  }
}

/** Neither a link is followed nor a pipe waited for: what lies at a name we own may be somebody's trap. */
async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK)
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return undefined
  }
}

async function describe(handle: FileHandle) {
  const found = await handle.stat()
  return {
    size: found.size,
    mode: found.mode & 0o7777,
    isRegular: found.isFile(),
    isDirectory: found.isDirectory(),
  }
}

async function setAttributes(handle: FileHandle, mode: number, { uid, gid }: Ownership): Promise<void> {
  const found = await handle.stat()
  const wantedUid = uid ?? found.uid
  const wantedGid = gid ?? found.gid
  // Before the mode: a change of owner clears set-id bits, and no wider mode may hold for the wrong owner.
  if (wantedUid !== found.uid || wantedGid !== found.gid) await handle.chown(wantedUid, wantedGid)
  if ((found.mode & 0o7777) !== mode) await handle.chmod(mode)
}
