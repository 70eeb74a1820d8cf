import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** This folder; seen from the command line's bundle, the same folder beside it. */
function folder(): string {
  const here = fileURLToPath(new URL('.', import.meta.url))
  const compiled = join(here, '..', 'parsec-core', 'providers', 'pkcs11')
  return existsSync(join(here, 'module-worker.js')) ? here : compiled
}

/** The worker thread's program. */
export function workerProgram(): string {
  return join(folder(), 'module-worker.js')
}

/** The program of the child process that tries a module first. */
export function probeProgram(): string {
  return join(folder(), 'probe-program.js')
}

/** pkcs11js, with its built addon beside it. */
export function pkcs11jsAddon(): string {
  return join(folder(), 'pkcs11js', 'build', 'Release', 'pkcs11.node')
}
