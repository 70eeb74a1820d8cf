import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { OutputError, writeError } from './errors.js'
import type { Layout, OutputFile, Ownership, WrittenFile } from './file-set.js'
import {
  keepIfSame,
  nameOfTemporary,
  readWritten,
  removeQuietly,
  stageFile,
  type StagedFile,
  syncDirectory,
} from './stage-file.js'

/**
 * The files side by side under their own names, as spiffe-helper has them. Each is whole at every moment. All are
 * complete on the disk before the first is renamed; between the first rename and the last, which follow one another at
 * once in the order of the set, a reader can see new files beside old ones.
 */
export class FlatLayout implements Layout {
  readonly #directory: string
  readonly #owns: (name: string) => boolean

  /** `owns` tells which names of the directory are this output's: those of them a new set no longer has are removed. */
  constructor(directory: string, owns: (name: string) => boolean) {
    this.#directory = directory
    this.#owns = owns
  }

  async write(files: readonly OutputFile[], ownership: Ownership): Promise<boolean> {
    const staged: StagedFile[] = []
    try {
      for (const file of files) {
        const same = await keepIfSame(join(this.#directory, file.name), file, ownership)
        if (!same) staged.push(await stageFile(this.#directory, file, ownership))
      }
      for (const { temporary, path } of staged) await rename(temporary, path)
    } catch (error) {
      await Promise.all(staged.map(({ temporary }) => removeQuietly(temporary)))
      throw writeError(this.#directory, error)
    }
    const removed = await this.#removeOthers(new Set(files.map(({ name }) => name)))
    if (staged.length > 0 || removed) await syncDirectory(this.#directory)
    return staged.length > 0 || removed
  }

  async findFaults(files: readonly WrittenFile[]): Promise<readonly string[]> {
    const faults = await Promise.all(files.map((file) => faultOf(join(this.#directory, file.name), file)))
    return faults.filter((fault) => fault !== undefined)
  }

  /** What this output owns and the set has no more, and what an earlier process did not finish. */
  async #removeOthers(wanted: ReadonlySet<string>): Promise<boolean> {
    let removed = false
    for (const entry of await listDirectory(this.#directory)) {
      const unfinished = nameOfTemporary(entry)
      if (unfinished !== undefined && (wanted.has(unfinished) || this.#owns(unfinished))) {
        await removeQuietly(join(this.#directory, entry))
      }
      if (wanted.has(entry) || !this.#owns(entry)) continue
      await removeQuietly(join(this.#directory, entry))
      removed = true
    }
    return removed
  }
}

export async function listDirectory(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory)
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
