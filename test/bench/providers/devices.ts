import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ProviderSettings } from '../../../parsec-core/index.js'
import { SoftHsm, softHsmModule } from '../../devices/softhsm.js'
import { Swtpm, swtpmMissing } from '../../devices/swtpm.js'

/** A key provider block, written for a device that runs. */
export interface Column {
  readonly name: string
  readonly type: string
  readonly settings: ProviderSettings
}

const tokenLabel = 'bench'

/** Every device that the machine has, for as long as it is measured. */
export class Devices implements AsyncDisposable {
  readonly columns: readonly Column[]
  /** Names what is left out, with the reason. */
  readonly missing: readonly string[]
  readonly hsm: SoftHsm | undefined
  readonly #tpms: readonly Swtpm[]
  readonly #folder: string

  private constructor(hsm: SoftHsm | undefined, tpms: readonly Swtpm[], folder: string) {
    this.hsm = hsm
    this.#tpms = tpms
    this.#folder = folder
    const [plain, salted] = tpms
    this.columns = [
      { name: 'Software', type: 'Software', settings: {} },
      ...(hsm ? [{ name: 'SoftHSM', type: 'Pkcs11', settings: hsm.settings(tokenLabel) }] : []),
      ...(plain ? [{ name: 'swtpm, plain sessions', type: 'Tpm', settings: { tcti: plain.tcti } }] : []),
      ...(salted ? [{ name: 'swtpm, salted sessions', type: 'Tpm', settings: { tcti: salted.protectedTcti } }] : []),
    ]
    this.missing = [
      ...(hsm ? [] : ['SoftHSM: softhsm2 is not installed']),
      ...(plain ? [] : [`swtpm: ${swtpmMissing ?? 'it is not here'}`]),
    ]
  }

  static async start(): Promise<Devices> {
    const hsm = softHsmModule === undefined ? undefined : new SoftHsm()
    hsm?.initToken(tokenLabel)
    // One each: a TPM has one client, which opens it in one way.
    const tpms = swtpmMissing === undefined ? [await Swtpm.start(), await Swtpm.start()] : []
    return new Devices(hsm, tpms, await mkdtemp(join(tmpdir(), 'svidecar-providers-')))
  }

  /** A new folder, gone in the end. */
  newFolder(): Promise<string> {
    return mkdtemp(join(this.#folder, 'run-'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#tpms.map((tpm) => tpm.remove()))
    this.hsm?.remove()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** What a `key_provider "device"` block says of a column, for a process that has a key store of its own. */
export function keyProviderBlock({ type, settings }: Column, keyStore: string): string {
  const own = 'key_store_dir' in settings ? { ...settings, key_store_dir: keyStore } : settings
  const lines = Object.entries({ type, ...own }).map(([key, value]) => `  ${key} = ${JSON.stringify(value)}\n`)
  return `key_provider "device" {\n${lines.join('')}}\n`
}
