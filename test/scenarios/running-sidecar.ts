import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import type { AddressInfo } from 'node:net'
import { adminPaths } from '../../sidecar/admin/admin-protocol.js'
import { askAdmin } from '../../sidecar/admin/admin-client.js'
import type { Status } from '../../sidecar/admin/status.js'
import { repositoryRoot } from '../repository-root.js'

const entry = join(repositoryRoot, 'dist', 'bin', 'main.js')
/** Far above what anything takes here; a test that waits this long has failed. */
const patienceMs = 30_000
const lookMs = 10

export interface LogLine {
  readonly message: string
  readonly [field: string]: unknown
}

export interface ProgramResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A temporary folder that is gone when the test ends. Short, so that socket paths fit. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sv-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A loopback port nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Resolves with the first value of `look` that is not undefined; fails the test after half a minute. */
export async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, lookMs))
  }
}

/** Runs one command of svidecar to its end. */
export async function svidecar(
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<ProgramResult> {
  const child = spawn(process.execPath, [entry, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    cwd: options.cwd,
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += String(chunk)))
  child.stderr.on('data', (chunk: Buffer) => (stderr += String(chunk)))
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { status, stdout, stderr }
}

/** A `svidecar run` as its own process, with its file, its log and its status. Stopped when the test ends. */
export class RunningSidecar {
  readonly configFile: string
  readonly lines: LogLine[] = []
  /** As they were written. */
  readonly rawLines: string[] = []
  readonly #adminSocket: string
  readonly #child: ChildProcess
  readonly #closed: Promise<number | null>

  /** `config` gets an admin block of its own. */
  constructor(t: TestContext, folder: string, name: string, config: string, args: readonly string[] = []) {
    this.configFile = join(folder, `${name}.conf`)
    this.#adminSocket = join(folder, `${name}.adm`)
    this.writeConfig(config)
    this.#child = spawn(
      process.execPath,
      ['--enable-source-maps', entry, 'run', '--config', this.configFile, '--log-format', 'json', ...args],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
    this.#closed = new Promise((resolve) => this.#child.once('close', (status) => resolve(status)))
    if (this.#child.stderr === null) throw new TypeError('no standard error')
    createInterface({ input: this.#child.stderr }).on('line', (text) => {
      this.rawLines.push(text)
      this.lines.push(readLine(text))
    })
    t.after(() => this.kill())
  }

  writeConfig(config: string): void {
    writeFileSync(this.configFile, `${config}\nadmin { listen = "unix:${this.#adminSocket}" }\n`)
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new TypeError('the process did not start')
    return this.#child.pid
  }

  status(): Promise<Status> {
    return askAdmin(this.#adminSocket, 'GET', adminPaths.status).then(({ body }) => body as Status)
  }

  /** The status once `accepts` says yes to it. */
  async statusWhere(what: string, accepts: (status: Status) => boolean): Promise<Status> {
    return until(`${what}; log:\n${this.#logTail()}`, async () => {
      if (this.#child.exitCode !== null) throw new Error(`svidecar ended:\n${this.#logTail()}`)
      const status = await this.status().catch(() => undefined)
      return status !== undefined && accepts(status) ? status : undefined
    })
  }

  ready(): Promise<Status> {
    return this.statusWhere('ready', (status) => status.ready)
  }

  /** The first log line, from `from` on, that `accepts`. */
  line(what: string, accepts: (line: LogLine) => boolean, from = 0): Promise<LogLine> {
    return until(`a log line: ${what}`, () => this.lines.slice(from).find(accepts))
  }

  /** What `svidecar reload` would be answered. */
  async reload(): Promise<{ readonly succeeded: boolean; readonly faults: readonly string[] }> {
    const { body } = await askAdmin(this.#adminSocket, 'POST', adminPaths.reload)
    return body as { succeeded: boolean; faults: readonly string[] }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** SIGTERM, and the exit status it ends with. */
  stop(): Promise<number | null> {
    this.#child.kill('SIGTERM')
    return this.#closed
  }

  /** The exit status of a process that ends by itself. */
  get exited(): Promise<number | null> {
    return this.#closed
  }

  async kill(): Promise<void> {
    // A stopped process must go on to die of SIGTERM; SIGKILL works on it either way.
    this.#child.kill('SIGKILL')
    await this.#closed
  }

  #logTail(): string {
    return this.lines
      .slice(-15)
      .map((line) => JSON.stringify(line))
      .join('\n')
  }
}

function readLine(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine
  } catch {
    return { message: text }
  }
}
