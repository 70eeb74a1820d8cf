/** A tunnel in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import type { ChildOrder, ChildStats, ChildTunnel } from './tunnel-child.js'

/** What a child ends with when it is told to exit. */
export const exitCode = 7

const here = dirname(fileURLToPath(import.meta.url))

/** Starts one of the programs beside this file, under a limit on its descriptors if there is one. */
export function startProgram(name: string, args: readonly string[], descriptors?: number): ChildProcess {
  const limit = descriptors === undefined ? '' : `ulimit -n ${descriptors} && `
  const command = ['-c', `${limit}exec "$0" "$@"`, process.execPath, join(here, name), ...args]
  return spawn('/bin/sh', command, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}

export class TunnelChild implements AsyncDisposable {
  readonly child: ChildProcess
  readonly tunnel: ChildTunnel

  private constructor(child: ChildProcess, tunnel: ChildTunnel) {
    this.child = child
    this.tunnel = tunnel
  }

  /** Signs for so many peers, then never again. */
  static async start(targetPort: number, healthy: number, descriptors?: number): Promise<TunnelChild> {
    const child = startProgram('tunnel-child.js', [String(targetPort), String(healthy)], descriptors)
    const [tunnel]: ChildTunnel[] = await once(child, 'message')
    return new TunnelChild(child, tunnel!)
  }

  order(order: ChildOrder): void {
    this.child.send(order)
  }

  async stats(): Promise<ChildStats> {
    const answered = once(this.child, 'message')
    this.order('stats')
    const [stats]: ChildStats[] = await answered
    return stats!
  }

  /** Asks until the numbers are as they should be. */
  async until(look: (stats: ChildStats) => boolean): Promise<ChildStats> {
    for (;;) {
      const stats = await this.stats()
      if (look(stats)) return stats
      await delay(10)
    }
  }

  /** How it ended: its exit code, or the signal that ended it. */
  async ended(): Promise<number | string> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit')
    return this.child.exitCode ?? this.child.signalCode ?? 'running'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended()
  }
}
