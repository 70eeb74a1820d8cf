import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../bin/main.js', import.meta.url))
const patienceMs = 120_000
/** Of a process that stands for one on another machine: it gets what the measured ones leave. */
const lowestPriority = 19

/** A `svidecar run` whose log lines are counted by their message. */
export class ScaleSidecar implements AsyncDisposable {
  readonly #counts = new Map<string, number>()
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  readonly #startedAt = performance.now()
  #lastLine = ''
  #wake: () => void = () => undefined

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#exited = once(child, 'close').then(() => this.#wake())
    if (child.stderr === null) throw new TypeError('no standard error')
    createInterface({ input: child.stderr }).on('line', (text) => this.#read(text))
  }

  static async start(folder: string, name: string, config: string): Promise<ScaleSidecar> {
    const file = join(folder, `${name}.conf`)
    await writeFile(file, config, { mode: 0o600 })
    const args = [program, 'run', '-config', file, '--log-format', 'json']
    return new ScaleSidecar(spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] }))
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new TypeError('it did not start')
    return this.#child.pid
  }

  yieldToOthers(): void {
    setPriority(this.pid, lowestPriority)
  }

  /** Lines with this message so far. */
  count(message: string): number {
    return this.#counts.get(message) ?? 0
  }

  /** Milliseconds from the start of the process until the message came `count` times. */
  async until(message: string, count: number): Promise<number> {
    const timeout = setTimeout(() => this.#child.kill('SIGKILL'), patienceMs)
    while (this.count(message) < count) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        throw new Error(`"${message}" came ${this.count(message)} times instead of ${count}; last: ${this.#lastLine}`)
      }
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
    clearTimeout(timeout)
    return performance.now() - this.#startedAt
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  #read(text: string): void {
    this.#lastLine = text
    const message = /"message":"([^"]*)"/.exec(text)?.[1] ?? text
    this.#counts.set(message, this.count(message) + 1)
    this.#wake()
  }
}
