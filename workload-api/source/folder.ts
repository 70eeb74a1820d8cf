import { createHash } from 'node:crypto'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Feed } from './live-source.js'

/** How a folder is followed. */
export interface FolderOptions {
  readonly path: string
  /** How often the files are read again, in milliseconds; 5,000 by default. */
  readonly intervalMs?: number
  /** Told of every fault; must not throw. */
  readonly onFault?: (error: unknown) => void
}

/** More than a Workload API may send. */
const maxFileBytes = 10 * 1024 * 1024
const maxFiles = 10_000

/** The bytes of files by their names. */
export type Files = ReadonlyMap<string, Buffer>

/**
 * Reads files again and again. By their content and not by notifications, which network and container mounts do not
 * give, nor by times, which two writes may share. Files that cannot be read, or not made a value of, replace nothing.
 */
export function folderFeed<Value>(
  { path, intervalMs = 5_000 }: FolderOptions,
  namesOf: (path: string) => Promise<readonly string[]>,
  valueOf: (files: Files) => Value,
): Feed<Value> {
  return async (sink, signal) => {
    let shown: string | undefined
    while (!signal.aborted) {
      try {
        const files = await readFiles(path, await namesOf(path))
        const digest = digestOf(files)
        if (digest !== shown) {
          sink.put(valueOf(files))
          shown = digest
        }
      } catch (error) {
        sink.fault(error)
      }
      await sleep(intervalMs, undefined, { signal }).catch(() => {})
    }
  }
}

/** The names of a folder's files that end in one of the given ways, in order. */
export async function filesOf(path: string, endings: readonly string[]): Promise<readonly string[]> {
  const names = (await readdir(path)).filter((name) => endings.some((ending) => name.endsWith(ending)))
  if (names.length > maxFiles) throw new RangeError(`the folder has more than ${maxFiles} such files`)
  return names.toSorted()
}

async function readFiles(path: string, names: readonly string[]): Promise<Files> {
  const files = new Map<string, Buffer>()
  for (const name of names) files.set(name, await readBounded(join(path, name)))
  return files
}

async function readBounded(path: string): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    if (size > maxFileBytes) throw new RangeError(`"${path}" is larger than ${maxFileBytes} bytes`)
    return await file.readFile()
  } finally {
    await file.close()
  }
}

function digestOf(files: Files): string {
  const hash = createHash('sha256')
  for (const [name, bytes] of files) hash.update(`${name.length}:${name}${bytes.length}:`).update(bytes)
  return hash.digest('base64')
}
