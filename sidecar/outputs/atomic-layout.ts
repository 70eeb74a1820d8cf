import { randomBytes } from 'node:crypto'
import { chmod, chown, mkdir, readlink, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode, writeError } from './errors.js'
import type { Layout, OutputFile, Ownership, WrittenFile } from './file-set.js'
import { faultOf, listDirectory } from './flat-layout.js'
import { createFile, keepIfSame, removeQuietly, syncDirectory } from './stage-file.js'

const dataLink = '..data'
const temporaryLink = '..data_next'
const generationName = /^\.\.\d{13}\.[0-9a-f]{8}$/
/** Everybody may look; what a file's own mode keeps back stays kept back. */
const generationMode = 0o755
/** Sets that were replaced stay this long for readers that opened one before the switch; at most so many of them. */
const keptGenerations = 32
const keptMs = 10_000

/**
 * Every set in a directory of its own, `..data` a link to the one that holds, the names links into `..data`, as
 * Kubernetes mounts secrets. One rename switches the whole set: whoever opens `..data` and reads through that
 * descriptor has one set, never a mix of two.
 */
export class AtomicLayout implements Layout {
  readonly #directory: string
  #replaced: readonly { readonly generation: string; readonly at: number }[] = []
  #removal: NodeJS.Timeout | undefined

  constructor(directory: string) {
    this.#directory = directory
  }

  async write(files: readonly OutputFile[], ownership: Ownership): Promise<boolean> {
    const current = await this.#current()
    if (current !== undefined && (await this.#holds(current, files, ownership))) {
      await this.#linkNames(files)
      return false
    }
    const generation = `..${String(Date.now()).padStart(13, '0')}.${randomBytes(4).toString('hex')}`
    try {
      await this.#fill(generation, files, ownership)
      await this.#replaceLink(dataLink, generation)
      await this.#linkNames(files)
      await syncDirectory(this.#directory)
    } catch (error) {
      if ((await this.#current()) !== generation) await this.#removeGeneration(generation)
      throw writeError(this.#directory, error)
    }
    if (current !== undefined) this.#replaced = [...this.#replaced, { generation: current, at: Date.now() }]
    await this.#removeReplaced()
    return true
  }

  async findFaults(files: readonly WrittenFile[]): Promise<readonly string[]> {
    const current = await this.#current()
    if (current === undefined) return [`"${join(this.#directory, dataLink)}" is missing`]
    const faults = await Promise.all(
      files.map(async (file) => {
        const link = join(this.#directory, file.name)
        if ((await readLink(link)) !== `${dataLink}/${file.name}`) return `"${link}" is no link into "${dataLink}"`
        return faultOf(join(this.#directory, current, file.name), file)
      }),
    )
    return faults.filter((fault) => fault !== undefined)
  }

  /** The directory of the set that holds; undefined before the first. */
  async #current(): Promise<string | undefined> {
    const target = await readLink(join(this.#directory, dataLink))
    return target !== undefined && generationName.test(target) ? target : undefined
  }

  /** Whether the generation has these files and no other. */
  async #holds(generation: string, files: readonly OutputFile[], ownership: Ownership): Promise<boolean> {
    const directory = join(this.#directory, generation)
    const entries = await listDirectory(directory).catch(() => [])
    if (entries.length !== files.length) return false
    for (const file of files) if (!(await keepIfSame(join(directory, file.name), file, ownership))) return false
    return true
  }

  async #fill(generation: string, files: readonly OutputFile[], ownership: Ownership): Promise<void> {
    const directory = join(this.#directory, generation)
    await mkdir(directory, 0o700)
    for (const file of files) await createFile(join(directory, file.name), file, ownership)
    if (ownership.uid !== undefined || ownership.gid !== undefined) {
      await chown(directory, ownership.uid ?? process.getuid?.() ?? -1, ownership.gid ?? process.getgid?.() ?? -1)
    }
    await chmod(directory, generationMode)
    await syncDirectory(directory)
  }

  /** The names of the set as links; links into a set that has the name no more go away. */
  async #linkNames(files: readonly OutputFile[]): Promise<void> {
    const wanted = new Set(files.map(({ name }) => name))
    for (const entry of await listDirectory(this.#directory)) {
      if (wanted.has(entry) || entry.startsWith('..')) continue
      const path = join(this.#directory, entry)
      if ((await readLink(path)) === `${dataLink}/${entry}`) await removeQuietly(path)
    }
    for (const name of wanted) {
      if ((await readLink(join(this.#directory, name))) !== `${dataLink}/${name}`) {
        await this.#replaceLink(name, `${dataLink}/${name}`)
      }
    }
  }

  async #replaceLink(name: string, target: string): Promise<void> {
    const temporary = join(this.#directory, temporaryLink)
    await removeQuietly(temporary)
    await symlink(target, temporary)
    await rename(temporary, join(this.#directory, name))
  }

  /** Removes sets whose readers had their time, those of an earlier process among them. */
  async #removeReplaced(): Promise<void> {
    clearTimeout(this.#removal)
    const now = Date.now()
    const tooMany = this.#replaced.length - keptGenerations
    this.#replaced = this.#replaced.filter(({ at }, index) => index >= tooMany && now - at < keptMs)
    const kept = new Set([await this.#current(), ...this.#replaced.map(({ generation }) => generation)])
    const entries = await listDirectory(this.#directory)
    const due = entries.filter((entry) => generationName.test(entry) && !kept.has(entry))
    await Promise.all(due.map((generation) => this.#removeGeneration(generation)))
    if (this.#replaced.length === 0) return
    this.#removal = setTimeout(() => void this.#removeReplaced().catch(() => undefined), keptMs).unref()
  }

  async #removeGeneration(generation: string): Promise<void> {
    await rm(join(this.#directory, generation), { recursive: true, force: true })
  }
}

async function readLink(path: string): Promise<string | undefined> {
  try {
    return await readlink(path)
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return undefined
  }
}
