import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** A line of a sidecar's log, as far as the demo reads it. */
export interface LogLine {
  readonly message: string
  readonly serialNumber?: string
  readonly notAfter?: string
  readonly decision?: string
  readonly outcome?: string
  readonly reason?: string
  readonly peer?: string
}

const killAfterMs = 10_000

/** The command line that runs the demo runs its sidecars too. */
const [, entry = ''] = process.argv

/** One `svidecar run` of the demo: a process of its own, its log read line by line. */
export class SidecarProcess {
  readonly name: string
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  #lastLines: string[] = []

  constructor(name: string, args: readonly string[], onLine: (line: LogLine) => void) {
    this.name = name
    this.#child = spawn(process.execPath, [entry, ...args, '--log-format', 'json'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#exited = new Promise((resolve) => {
      this.#child.once('close', () => resolve())
    })
    if (this.#child.stderr === null) throw new TypeError('the child has no standard error')
    createInterface({ input: this.#child.stderr }).on('line', (text) => {
      this.#lastLines = [...this.#lastLines.slice(-9), text]
      const line = parseLine(text)
      if (line !== undefined) onLine(line)
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** The end of its log, for when it failed. */
  get lastLines(): readonly string[] {
    return this.#lastLines
  }

  /** SIGTERM, and SIGKILL when it does not end in time. */
  async stop(): Promise<void> {
    if (!this.running) return
    this.#child.kill('SIGTERM')
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), killAfterMs)
    await this.#exited
    clearTimeout(kill)
  }
}

function parseLine(text: string): LogLine | undefined {
  try {
    return JSON.parse(text) as LogLine
  } catch {
    // Not a log line: Node's own warnings go to standard error too.
    return undefined
  }
}
