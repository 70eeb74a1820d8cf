import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A line of a child's log, as far as the soak reads it. */
export interface ChildLine {
  readonly level?: string
  readonly message?: string
  readonly [field: string]: unknown
}

const killAfterMs = 40_000

/** A program of the soak; it logs lines of JSON on standard error. */
export class ChildProgram {
  readonly name: string
  readonly exited: Promise<void>
  readonly #child: ChildProcess
  #ending = false

  /** `onLine` gets every line; `onEnd` is called when it ends by itself. */
  constructor(
    name: string,
    args: readonly string[],
    listeners: { readonly onLine: (line: ChildLine) => void; readonly onEnd?: (how: string) => void },
  ) {
    this.name = name
    this.#child = spawn(process.execPath, ['--enable-source-maps', ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.exited = once(this.#child, 'close').then(([code, signal]) => {
      if (!this.#ending) listeners.onEnd?.(`ended by itself: ${String(signal ?? `status ${String(code)}`)}`)
    })
    if (this.#child.stderr === null) throw new TypeError('no standard error')
    createInterface({ input: this.#child.stderr }).on('line', (text) => listeners.onLine(readLine(text)))
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new TypeError(`"${this.name}" did not start`)
    return this.#child.pid
  }

  /** Ends it by `signal`; SIGKILL when it takes longer than any shutdown here may. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    this.#ending = true
    this.#child.kill(signal)
    const killer = setTimeout(() => this.#child.kill('SIGKILL'), killAfterMs)
    await this.exited
    clearTimeout(killer)
  }
}

function readLine(text: string): ChildLine {
  try {
    return JSON.parse(text) as ChildLine
  } catch {
    // Node's own words: a crash, a warning.
    return { level: 'error', message: text }
  }
}
