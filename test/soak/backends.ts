import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

function echoServer(sockets: Set<Socket>): Server {
  return createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    // Whoever sent what did not come back counts it.
    socket.on('error', () => socket.destroy())
    socket.pipe(socket)
  })
}

function closeServer(server: Server, sockets: Set<Socket>): Promise<unknown> {
  const closed = once(server, 'close')
  server.close()
  for (const socket of sockets) socket.destroy()
  return closed
}

/** Sends everything back. */
export class EchoBackend implements AsyncDisposable {
  readonly #sockets = new Set<Socket>()
  readonly #server = echoServer(this.#sockets)

  static async start(): Promise<EchoBackend> {
    const backend = new EchoBackend()
    backend.#server.listen(0, '127.0.0.1')
    await once(backend.#server, 'listening')
    return backend
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closeServer(this.#server, this.#sockets)
  }
}

const upMs = [1_000, 4_000] as const
const downMs = [300, 1_500] as const

/** An echo backend on a unix socket that comes and goes, and takes its connections along when it goes. */
export class FlappingBackend {
  /** Goes up by one at each coming and each going: odd while it is there. */
  #epoch = 0

  constructor(readonly path: string) {}

  /** To be called before a connection; says afterwards whether the backend was there all the time. */
  readonly expectation = (): (() => 'must work' | 'may be cut') => {
    const before = this.#epoch
    return () => (before % 2 === 1 && before === this.#epoch ? 'must work' : 'may be cut')
  }

  async flap(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const sockets = new Set<Socket>()
      const server = echoServer(sockets).listen(this.path)
      await once(server, 'listening')
      this.#epoch += 1
      await sleep(randomInt(...upMs), undefined, { signal }).catch(() => undefined)
      this.#epoch += 1
      await closeServer(server, sockets)
      await sleep(randomInt(...downMs), undefined, { signal }).catch(() => undefined)
    }
  }
}
