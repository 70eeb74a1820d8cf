import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { forgetGroup, signalGroup, signalProcess, watchGroup } from './live-groups.js'

/** How a program ended; `error` when it could not be started. */
export type ChildExit =
  | { readonly code: number; readonly signal?: undefined; readonly error?: undefined }
  | { readonly signal: NodeJS.Signals; readonly code?: undefined; readonly error?: undefined }
  | { readonly error: Error; readonly code?: undefined; readonly signal?: undefined }

export interface ChildOptions {
  /** The program, looked up in PATH, and its arguments; no shell reads them. */
  readonly command: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** Standard input; output and errors go where ours go. */
  readonly input?: 'ignore' | 'inherit'
  /** False: stays in our group and at our terminal. */
  readonly ownGroup?: boolean
}

/** How often a group whose first process ended is looked at. */
const groupLookMs = 20

/**
 * A program in a process group of its own, so that what it starts in turn goes when it goes. No descriptor but the
 * standard three is passed on (Node opens every other close-on-exec).
 */
export class Child {
  readonly exited: Promise<ChildExit>
  readonly #child: ChildProcess
  readonly #ownGroup: boolean
  #isOver = false
  /** Nothing is left of the group, and its number may by now be somebody else's. */
  #isGroupGone = false

  constructor({ command, env, input = 'ignore', ownGroup = true }: ChildOptions) {
    const [program = '', ...args] = command
    this.#ownGroup = ownGroup
    this.#child = spawn(program, args, { detached: ownGroup, stdio: [input, 'inherit', 'inherit'], env })
    const { pid } = this.#child
    if (pid !== undefined && ownGroup) watchGroup(pid)
    this.exited = new Promise((resolve) => {
      this.#child.once('error', (error) => this.#settle({ error }, resolve))
      this.#child.once('exit', (code, signal) =>
        this.#settle(signal === null ? { code: code ?? 0 } : { signal }, resolve),
      )
    })
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  /** To the program alone, not to what it started. False when it is gone. */
  signal(name: NodeJS.Signals): boolean {
    return !this.#isOver && this.pid !== undefined && signalProcess(this.pid, name)
  }

  /** Asks the whole group to end, kills what is left of it after the time, and returns when nothing is. */
  async stop(timeoutMs: number): Promise<void> {
    const { pid } = this
    if (pid === undefined) return
    if (!this.#ownGroup) return this.#stopAlone(pid, timeoutMs)
    if (this.#isGroupGone) return
    const deadline = Date.now() + timeoutMs
    signalGroup(pid, 'SIGTERM')
    // A stopped program does not act on SIGTERM before it goes on.
    signalGroup(pid, 'SIGCONT')
    while (signalGroup(pid, 0) && Date.now() < deadline) await sleep(groupLookMs)
    signalGroup(pid, 'SIGKILL')
    await this.exited
    this.#groupGone(pid)
  }

  async #stopAlone(pid: number, timeoutMs: number): Promise<void> {
    if (!this.#isOver) signalProcess(pid, 'SIGTERM')
    const timer = setTimeout(() => this.signal('SIGKILL'), timeoutMs)
    await this.exited
    clearTimeout(timer)
  }

  #settle(exit: ChildExit, resolve: (exit: ChildExit) => void): void {
    this.#isOver = true
    // While the group has members its number stays taken.
    if (this.pid !== undefined && !signalGroup(this.pid, 0)) this.#groupGone(this.pid)
    resolve(exit)
  }

  #groupGone(pid: number): void {
    this.#isGroupGone = true
    forgetGroup(pid)
  }
}

/** `exit status 1`, `signal SIGTERM`, or why it could not be started. */
export function describeExit(exit: ChildExit): string {
  if (exit.error !== undefined) return `it could not be started: ${exit.error.message}`
  return exit.signal === undefined ? `exit status ${exit.code}` : `signal ${exit.signal}`
}
