import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { connect } from 'node:net'
import { createInterface, type Interface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from './proxies/proxy.js'

const readyWithinMs = 20_000
const pollEveryMs = 5

export function connectOptions(
  address: string,
): { readonly path: string } | { readonly host: string; readonly port: number } {
  if (address.startsWith('unix:')) return { path: address.slice('unix:'.length) }
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) }
}

async function accepts(address: string): Promise<boolean> {
  const socket = connect(connectOptions(address))
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false // not yet; the caller asks again until its deadline
  } finally {
    socket.destroy()
  }
}

/** A proxy under measurement: started, answering, and killed at the end of its scope. */
export class RunningProxy implements AsyncDisposable {
  readonly #exited: Promise<unknown>

  private constructor(
    readonly pid: number,
    /** From the start of the process to the first accepted connection. */
    readonly startMs: number,
    exited: Promise<unknown>,
  ) {
    this.#exited = exited
  }

  /** Starts `command` with its output in `logFile` and waits until `address` accepts. */
  static async start({ command, args }: Command, address: string, logFile: string): Promise<RunningProxy> {
    const log = openSync(logFile, 'a')
    const started = performance.now()
    const child = spawn(command, args, { stdio: ['ignore', log, log] })
    closeSync(log)
    const exited = new Promise((resolve, reject) => {
      child.once('error', reject).once('exit', resolve)
    })
    let gone = false
    exited.then(
      () => (gone = true),
      () => (gone = true),
    )
    while (!(await accepts(address))) {
      if (gone || performance.now() - started > readyWithinMs) {
        child.kill('SIGKILL')
        throw new Error(`"${command} ${args.join(' ')}" does not listen on ${address}; its output is in ${logFile}`)
      }
      await sleep(pollEveryMs)
    }
    return new RunningProxy(child.pid ?? 0, performance.now() - started, exited)
  }

  /** Without a drain: the numbers are taken. */
  async [Symbol.asyncDispose](): Promise<void> {
    process.kill(this.pid, 'SIGTERM')
    const killer = setTimeout(() => process.kill(this.pid, 'SIGKILL'), 2_000)
    await this.#exited
    clearTimeout(killer)
  }
}

/** A helper that speaks in lines of JSON and ends when its standard input does. */
export class LineProcess implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #lines: AsyncIterator<string>
  readonly #interface: Interface

  constructor(
    readonly command: string,
    args: readonly string[],
  ) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#interface = createInterface(this.#child.stdout)
    this.#lines = this.#interface[Symbol.asyncIterator]()
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new TypeError(`"${this.command}" did not start`)
    return this.#child.pid
  }

  /** The next line's object; throws when the process ended instead. */
  async next(): Promise<unknown> {
    const { value, done } = await this.#lines.next()
    if (done === true) throw new Error(`"${this.command}" ended without an answer`)
    return JSON.parse(value)
  }

  /** Tells it to go on. */
  proceed(): void {
    this.#child.stdin.write('\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end()
    this.#interface.close()
    this.#child.stdout.resume()
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit')
  }
}
