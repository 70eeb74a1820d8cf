import { once } from 'node:events'
import { createServer, type Server as SocketServer, type Socket } from 'node:net'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { addWorkloadApi, WorkloadApiClient, type WorkloadApiServiceOptions } from '../../workload-api/index.js'
import { LatestValue } from '../../workload-api/latest-value.js'
import { SocketFolder } from './client/watching.js'

/** Says nothing and does not end. */
const silent: AsyncIterable<never> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }

/** Our own Workload API server on a unix socket; every connection comes from `uid=1000,pid=7`. */
export class LocalWorkloadApi implements AsyncDisposable {
  readonly #sockets = new Set<Socket>()

  private constructor(
    readonly folder: SocketFolder,
    readonly grpc: Server,
    readonly listener: SocketServer,
  ) {}

  static async start(options: Partial<WorkloadApiServiceOptions>): Promise<LocalWorkloadApi> {
    const folder = await SocketFolder.make()
    const grpc = new Server()
    addWorkloadApi(grpc, { watchX509Context: () => silent, ...options })
    const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure())
    const listener = createServer({ pauseOnConnect: true })
    const api = new LocalWorkloadApi(folder, grpc, listener)
    listener.on('connection', (socket) => {
      api.#sockets.add(socket)
      Object.defineProperty(socket, 'remoteAddress', { value: 'uid=1000,pid=7' })
      socket.on('error', () => socket.destroy())
      injector.injectConnection(socket)
      socket.resume()
    })
    listener.listen(folder.socket)
    await once(listener, 'listening')
    return api
  }

  get address(): string {
    return `unix://${this.folder.socket}`
  }

  client(): WorkloadApiClient {
    return new WorkloadApiClient({ address: this.address, backoff: { initialMs: 5, maxMs: 20 } })
  }

  /** Goes away without a word and does not come back. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.grpc.forceShutdown()
    if (!this.listener.listening) return
    this.listener.close()
    await once(this.listener, 'close')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await this.folder[Symbol.asyncDispose]()
  }
}

/** What one stream is told, changed by the test. */
export class Told<Value> {
  readonly #readers = new Set<LatestValue<Value>>()
  #value: Value | undefined

  constructor(value?: Value) {
    this.#value = value
  }

  tell(value: Value): void {
    this.#value = value
    for (const reader of this.#readers) reader.put(value)
  }

  /** Ends every stream, which a caller hears as `PermissionDenied`, until there is something to tell again. */
  deny(): void {
    this.#value = undefined
    for (const reader of this.#readers) reader.end()
  }

  async *watch(signal: AbortSignal): AsyncGenerator<Value, void, undefined> {
    if (this.#value === undefined) return
    const reader = new LatestValue<Value>()
    reader.put(this.#value)
    this.#readers.add(reader)
    signal.addEventListener('abort', () => reader.end(), { once: true })
    try {
      yield* reader.read()
    } finally {
      this.#readers.delete(reader)
    }
  }
}
