import * as fs from 'node:fs'
import { promisify } from 'node:util'
import { join } from 'node:path'
import { inTheWay, OutputError, writeError } from './errors.js'
import { digestOf, type Layout, type OutputFile, type Ownership, type WrittenFile } from './file-set.js'
import {
  keepIfSame,
  nameOfTemporary,
  readWritten,
  removeQuietly,
  stageFile,
  type StagedFile,
  syncDirectory,
} from './stage-file.js'

/** As for a file: the promises of `fs` cost as much as the calls. */
const [readdir, rename] = [promisify(fs.readdir), promisify(fs.rename)]

/**
 * The files side by side under their own names, as spiffe-helper has them. Each is whole at every moment. All are
 * complete on the disk before the first is renamed; between the first rename and the last, which follow one another at
 * once in the order of the set, a reader can see new files beside old ones.
 */
export class FlatLayout implements Layout {
  readonly #directory: string
  readonly #owns: ((name: string) => boolean) | undefined
  /** What was last put in place, by name: a set that differs from it need not be compared with the disk. */
  #placed: ReadonlyMap<string, string> = new Map()

  /** `owns` tells which other names of the directory are this output's: those a new set no longer has are removed. */
  constructor(directory: string, owns?: (name: string) => boolean) {
    this.#directory = directory
    this.#owns = owns
  }

  async write(files: readonly OutputFile[], ownership: Ownership): Promise<boolean> {
    const staged: StagedFile[] = []
    const digests = new Map(files.map(({ name, content }) => [name, digestOf(content)]))
    const entries = await listEntries(this.#directory)
    try {
      for (const file of files) {
        // Found out before the first rename: a name that cannot be taken would leave a mixed set.
        if (entries.get(file.name) === 'directory') throw inTheWay(join(this.#directory, file.name))
        const isKept = await this.#keep(file, digests.get(file.name), ownership)
        if (!isKept) staged.push(await stageFile(this.#directory, file, ownership))
      }
      for (const { temporary, path } of staged) await rename(temporary, path)
    } catch (error) {
      await Promise.all(staged.map(({ temporary }) => removeQuietly(temporary)))
      throw writeError(this.#directory, error)
    }
    this.#placed = digests
    const removed = await this.#removeOthers([...entries.keys()], digests)
    if (staged.length > 0 || removed) await syncDirectory(this.#directory)
    return staged.length > 0 || removed
  }

  async findFaults(files: readonly WrittenFile[]): Promise<readonly string[]> {
    const faults = await Promise.all(files.map((file) => faultOf(join(this.#directory, file.name), file)))
    return faults.filter((fault) => fault !== undefined)
  }

  /** Whether the file lies there already; its mode and owner are then set again. */
  async #keep(file: OutputFile, digest: string | undefined, ownership: Ownership): Promise<boolean> {
    const before = this.#placed.get(file.name)
    if (before !== undefined && before !== digest) return false
    return keepIfSame(join(this.#directory, file.name), file, ownership)
  }

  /** What this output owns and the set has no more, and what an earlier process did not finish. */
  async #removeOthers(entries: readonly string[], wanted: ReadonlyMap<string, unknown>): Promise<boolean> {
    let removed = false
    for (const entry of entries) {
      const unfinished = nameOfTemporary(entry)
      if (unfinished !== undefined && (wanted.has(unfinished) || this.#owns?.(unfinished) === true)) {
        await removeQuietly(join(this.#directory, entry))
      }
      if (wanted.has(entry) || this.#owns?.(entry) !== true) continue
      await removeQuietly(join(this.#directory, entry))
      removed = true
    }
    return removed
  }
}

export async function listDirectory(directory: string): Promise<readonly string[]> {
  return [...(await listEntries(directory)).keys()]
}

async function listEntries(directory: string): Promise<ReadonlyMap<string, 'directory' | 'other'>> {
  try {
    const entries = await readdir(directory, { withFileTypes: true })
    return new Map(entries.map((entry) => [entry.name, entry.isDirectory() ? 'directory' : 'other']))
  } catch (cause) {
    throw new OutputError('ERR_OUTPUT_DIRECTORY', `cannot list the directory "${directory}"`, { cause })
  }
}

/** What is wrong with a file that was written; undefined when it lies there as it should. */
export async function faultOf(path: string, { digest, mode }: WrittenFile): Promise<string | undefined> {
  const found = await readWritten(path)
  if (found === undefined) return `"${path}" is missing or cannot be read`
  if (found.digest !== digest) return `"${path}" is not what was written`
  const bits = mode.toString(8).padStart(4, '0')
  return found.mode === mode ? undefined : `"${path}" has mode ${found.mode.toString(8).padStart(4, '0')}, not ${bits}`
}
