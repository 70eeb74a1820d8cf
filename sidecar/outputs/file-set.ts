import { createHash } from 'node:crypto'

/** One file as it shall lie in the directory of an output. */
export interface OutputFile {
  /** A plain name: no separator, not `.` or `..`. */
  readonly name: string
  readonly content: Uint8Array
  /** Permission bits. */
  readonly mode: number
}

/** Who shall own the files; the user and group of the process when undefined. */
export interface Ownership {
  readonly uid: number | undefined
  readonly gid: number | undefined
}

/** What is remembered of a file that was written: never its content, which may be a private key. */
export interface WrittenFile {
  readonly name: string
  readonly digest: string
  readonly mode: number
}

export function digestOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('base64')
}

/** How the files of one set get into their directory. */
export interface Layout {
  /**
   * Puts the set in place and says whether anything differs now from what lay there. A file of the same content is not
   * written again, its mode and owner are set all the same. Throws `OutputError`, and then the old files are intact.
   */
  write(files: readonly OutputFile[], ownership: Ownership): Promise<boolean>
  /** What of the set is missing or different on disk, a sentence each; empty when all of it lies there. */
  findFaults(files: readonly WrittenFile[]): Promise<readonly string[]>
}
