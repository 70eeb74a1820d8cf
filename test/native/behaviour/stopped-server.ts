/** A server that holds its address and does not accept: stopped, its backlog full. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

import type { Endpoint } from '../../../native/index.js'
import { loopback } from './tunnel-lab.js'

const program = `
  const server = require('node:net').createServer()
  const path = process.argv[1]
  const where = path ? { path } : { host: '127.0.0.1', port: 0 }
  server.listen({ ...where, backlog: 1 }, () => process.send(path ? 0 : server.address().port))
`
/** On loopback a connection that the kernel takes is there at once. */
const takenWithinMs = 100

export class StoppedServer implements AsyncDisposable {
  readonly endpoint: Endpoint
  readonly #child: ChildProcess
  readonly #waiting: Socket[] = []

  private constructor(child: ChildProcess, endpoint: Endpoint) {
    this.#child = child
    this.endpoint = endpoint
  }

  static async start(path?: string): Promise<StoppedServer> {
    const options = { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] } as const
    const child = spawn(process.execPath, ['-e', program, path ?? ''], { ...options, stdio: [...options.stdio] })
    const [port]: number[] = await once(child, 'message')
    const server = new StoppedServer(child, path === undefined ? loopback(port ?? 0) : { kind: 'unix', path })
    child.kill('SIGSTOP')
    await server.#fillBacklog()
    return server
  }

  async #fillBacklog(): Promise<void> {
    const where = this.endpoint.kind === 'unix' ? { path: this.endpoint.path } : { ...this.endpoint }
    for (let taken = true; taken;) {
      const socket = connect(where as NetConnectOpts)
      this.#waiting.push(socket)
      const refused = new Promise<boolean>((resolve) => socket.on('error', () => resolve(false)))
      taken = await Promise.race([
        once(socket, 'connect').then(
          () => true,
          () => false,
        ),
        refused,
        delay(takenWithinMs, false),
      ])
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#waiting) socket.destroy()
    const closed = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await closed
  }
}
