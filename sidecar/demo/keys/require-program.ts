import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Throws, with the package to install, when PATH does not have the program. */
export function requireProgram(program: string, packageName: string): void {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  if (folders.some((folder) => folder !== '' && existsSync(join(folder, program)))) return
  throw new Error(`"${program}" is not installed (${packageName})`)
}
