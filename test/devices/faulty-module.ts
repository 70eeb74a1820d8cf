import { execFileSync } from 'node:child_process'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '../repository-root.js'
import type { SoftHsm } from './softhsm.js'

const source = join(repositoryRoot, 'test', 'devices', 'faulty-module.c')
const headers = join(repositoryRoot, 'node_modules', 'pkcs11js', 'includes')

/** Compiles the faulty module into `folder`; `define` makes it crash, hang or be no module. */
export function compileModule(folder: string, define?: 'CRASH_AT_LOAD' | 'HANG_AT_LOAD' | 'NO_FUNCTION_LIST'): string {
  const path = join(folder, `${define?.toLowerCase() ?? 'faulty'}.so`)
  const options = define === undefined ? [] : [`-D${define}`]
  execFileSync('cc', ['-shared', '-fPIC', ...options, '-I', headers, '-o', path, source, '-ldl'], { stdio: 'pipe' })
  return path
}

/** What a function of the module does instead of its work. */
export type Fault = number | 'hang' | `once:${number}` | `sleep:${number}` | `flags:${number}`

/** SoftHSM behind a module that fails as it is told, from one call to the next. */
export class FaultyModule {
  readonly path: string
  readonly #control: string

  /** Sets the environment variables of the module in this process. */
  constructor(hsm: SoftHsm) {
    this.path = compileModule(hsm.folder)
    this.#control = join(hsm.folder, 'faults')
    Object.assign(process.env, this.environmentFor(hsm))
  }

  /** What a process needs to use the module. */
  environmentFor(hsm: SoftHsm): Readonly<Record<string, string>> {
    return { ...hsm.environment, FAULTY_PKCS11_TARGET: hsm.module, FAULTY_PKCS11_CONTROL: this.#control }
  }

  /** From now on, until the next call of this. */
  fail(faults: Readonly<Record<string, Fault>>): void {
    const lines = Object.entries(faults).map(([name, fault]) => `${name} ${fault}\n`)
    writeFileSync(`${this.#control}.new`, lines.join(''))
    renameSync(`${this.#control}.new`, this.#control)
  }

  /** All is well again, and what hangs returns. */
  mend(): void {
    rmSync(this.#control, { force: true })
  }
}
