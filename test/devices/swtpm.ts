import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { platformSuffix } from '../../native/loader.js'
import { repositoryRoot } from '../repository-root.js'

const programs = ['swtpm', 'tpm2_clear', 'tpm2_load', 'tpm2_verifysignature']

function missingParts(): readonly string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const missing = programs.filter((program) => !folders.some((folder) => existsSync(join(folder, program))))
  const addon = join(repositoryRoot, 'dist', 'native', `tpm.${platformSuffix()}.node`)
  return existsSync(addon) ? missing : [...missing, "the TPM's addon (libtss2-dev)"]
}

/** Why tests with swtpm are left out; undefined when all is there. In CI a missing part must fail instead. */
export const swtpmMissing: string | undefined =
  process.env['CI'] === 'true' || missingParts().length === 0 ? undefined : `missing: ${missingParts().join(', ')}`

const host = '127.0.0.1'
const startAttempts = 10
const startDeadlineMs = 10_000

/**
 * A TPM in software (swtpm), with its state in a folder of its own, on two ports that were free. It has no resource
 * manager, as `/dev/tpm0`: what somebody leaves loaded stays.
 */
export class Swtpm {
  readonly folder = mkdtempSync(join(tmpdir(), 'svidecar-swtpm-'))
  #state = 0
  #port = 0
  #child: ChildProcess | undefined

  private constructor() {}

  /** A new TPM that answers. */
  static async start(): Promise<Swtpm> {
    const tpm = new Swtpm()
    for (let attempt = 0; attempt < startAttempts; attempt += 1) {
      tpm.#port = await freePortPair()
      if (await tpm.#run()) return tpm
    }
    tpm.#removeFolder()
    throw new Error('swtpm does not start')
  }

  get port(): number {
    return this.#port
  }

  /** Reached over loopback: the provider uses password sessions. */
  get tcti(): string {
    return `swtpm:host=${host},port=${this.#port}`
  }

  /** The same TPM by an address that is not loopback's by name: the provider protects its sessions. */
  get protectedTcti(): string {
    return `swtpm:host=0.0.0.0,port=${this.#port}`
  }

  /** The process may be started again: same state, same ports. */
  async start(): Promise<void> {
    if (!(await this.#run())) throw new Error('swtpm does not start again')
  }

  /** Ends it in the middle of whatever it does. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  /** It takes connections and does not answer. */
  suspend(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  /** TPM2_Clear by the platform: every key of the owner's is void. */
  clear(): void {
    this.tool('tpm2_clear', ['-c', 'p'])
  }

  /** Another TPM at the same place, or again the one of that number; the first has number 0. */
  async replace(state = this.#state + 1): Promise<void> {
    await this.kill()
    this.#state = state
    await this.start()
  }

  /** A program of tpm2-tools. What it loads stays loaded until `flush`, or until the provider opens the TPM. */
  tool(program: string, args: readonly string[]): string {
    return execFileSync(program, [...args], {
      cwd: this.folder,
      env: { ...process.env, TPM2TOOLS_TCTI: this.tcti, TSS2_LOG: 'all+NONE' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  /** Takes every transient object out of the TPM, ours too. */
  flush(): void {
    this.tool('tpm2_flushcontext', ['-t'])
  }

  /** Transient objects and loaded sessions that are in the TPM now. */
  loadedHandles(): readonly string[] {
    return ['handles-transient', 'handles-loaded-session'].flatMap((kind) =>
      [...this.tool('tpm2_getcap', [kind]).matchAll(/0x[0-9a-f]+/giu)].map(([handle]) => handle),
    )
  }

  /** Writes a file into the folder the tools run in; its name. */
  file(name: string, content: string | Uint8Array): string {
    writeFileSync(join(this.folder, name), content, { mode: 0o600 })
    return name
  }

  /** A new folder for a key store. */
  keyStore(): string {
    return mkdtempSync(join(this.folder, 'keys-'))
  }

  async remove(): Promise<void> {
    this.resume()
    await this.kill()
    this.#removeFolder()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.remove()
  }

  /** Whether it came to answer; not when somebody else took its ports meanwhile. */
  async #run(): Promise<boolean> {
    const state = join(this.folder, `state-${this.#state}`)
    mkdirSync(state, { recursive: true })
    const [server, control] = [this.#port, this.#port + 1].map((port) => `type=tcp,port=${port},bindaddr=${host}`)
    const args = ['socket', '--tpm2', '--tpmstate', `dir=${state}`, '--server', `${server}`, '--ctrl', `${control}`]
    const child = spawn('swtpm', [...args, '--flags', 'not-need-init,startup-clear'], { stdio: 'ignore' })
    this.#child = child
    for (const deadline = Date.now() + startDeadlineMs; Date.now() < deadline; await pause(10)) {
      if (child.exitCode !== null || child.signalCode !== null) return false
      if (await answers(this.#port)) return true
    }
    await this.kill()
    return false
  }

  #removeFolder(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Two that follow each other and were free a moment ago; the first. */
export async function freePortPair(): Promise<number> {
  for (;;) {
    const first = createServer().listen(0, host)
    await once(first, 'listening')
    const address = first.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const second = createServer()
    const paired = await new Promise<boolean>((resolve) => {
      second.once('error', () => resolve(false)).listen(port + 1, host, () => resolve(true))
    })
    first.close()
    if (paired) {
      second.close()
      return port
    }
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host)
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}
