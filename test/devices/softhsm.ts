import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where distributions have SoftHSM's module. */
const modulePaths = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm.so',
  '/usr/lib/pkcs11/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
]

export const softHsmModule = modulePaths.find((path) => existsSync(path))

/** Why tests with SoftHSM are left out; undefined when it is there. In CI a missing one must fail instead. */
export const softHsmMissing: string | undefined =
  softHsmModule !== undefined || process.env['CI'] === 'true' ? undefined : 'SoftHSM is not installed (softhsm2)'

export const userPin = '648219'
const soPin = '12345678'

/**
 * Tokens of SoftHSM in a folder of their own. SoftHSM finds them by an environment variable that it reads when a process
 * initialises it first, so a test file has one such folder, for all its tokens.
 */
export class SoftHsm {
  readonly folder = mkdtempSync(join(tmpdir(), 'svidecar-softhsm-'))
  readonly #tokens = join(this.folder, 'tokens')
  readonly #config = join(this.folder, 'softhsm2.conf')

  /** Sets SOFTHSM2_CONF for this process too. */
  constructor() {
    mkdirSync(this.#tokens)
    const lines = [`directories.tokendir = ${this.#tokens}`, 'objectstore.backend = file', 'log.level = ERROR', '']
    writeFileSync(this.#config, lines.join('\n'))
    Object.assign(process.env, this.environment)
  }

  get module(): string {
    if (softHsmModule === undefined) throw new Error('SoftHSM is not installed')
    return softHsmModule
  }

  /** What a process needs to see these tokens. */
  get environment(): { readonly SOFTHSM2_CONF: string } {
    return { SOFTHSM2_CONF: this.#config }
  }

  /** Makes a token; its serial. */
  initToken(label: string): string {
    const before = new Set(this.serials())
    this.#run('softhsm2-util', ['--init-token', '--free', '--label', label, '--pin', userPin, '--so-pin', soPin])
    const [serial] = this.serials().filter((one) => !before.has(one))
    if (serial === undefined) throw new Error('softhsm2-util made no token')
    return serial
  }

  serials(): readonly string[] {
    const shown = this.#run('softhsm2-util', ['--show-slots'])
    return [...shown.matchAll(/Serial number:\s+([0-9a-f]+)/gu)].flatMap(([, serial]) => serial ?? [])
  }

  /** A file with the token's PIN, or another text. */
  pinFile(pin = userPin): string {
    const path = join(mkdtempSync(join(this.folder, 'pin-')), 'pin')
    writeFileSync(path, `${pin}\n`, { mode: 0o600 })
    return path
  }

  keyStore(): string {
    return mkdtempSync(join(this.folder, 'keys-'))
  }

  /** The keys of a `key_provider` block, with a key store of its own. */
  settings(label: string, further: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
    return {
      module: this.module,
      token_label: label,
      user_pin_file: this.pinFile(),
      key_store_dir: this.keyStore(),
      ...further,
    }
  }

  /** What OpenSC's tool prints, logged in. */
  tool(label: string, args: readonly string[]): string {
    return this.#run('pkcs11-tool', [
      '--module',
      this.module,
      '--token-label',
      label,
      '--login',
      '--pin',
      userPin,
      ...args,
    ])
  }

  /** What the module answers to each attempt to read a private value of a key in the token, by an own process. */
  readPrivateValues(label: string): readonly string[] {
    const program = fileURLToPath(new URL('read-private-values.js', import.meta.url))
    return JSON.parse(this.#run(process.execPath, [program, this.module, label, userPin])) as readonly string[]
  }

  /** Removes what is stored of every token: what somebody with the device in hand can do. */
  removeTokens(): void {
    for (const name of readdirSync(this.#tokens)) rmSync(join(this.#tokens, name), { recursive: true })
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  #run(program: string, args: readonly string[]): string {
    return execFileSync(program, [...args], {
      env: { ...process.env, ...this.environment },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }
}
