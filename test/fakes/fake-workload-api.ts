/**
 * A Workload API as a hostile or broken agent would be one: a real gRPC server on a unix socket that says whatever the
 * test wants it to say.
 */
import { once } from 'node:events'
import { createServer, type Server as SocketServer, type Socket } from 'node:net'
import { type status, Metadata, Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js'
import { loadSync, type MethodDefinition } from '@grpc/proto-loader'
import { join } from 'node:path'
import { repositoryRoot } from '../repository-root.js'
import { peerCredentials } from '../../native/index.js'
import type { FakeCa, Issued } from './fake-ca.js'

export interface FakeSvid {
  spiffeId?: string
  x509Svid?: Uint8Array
  x509SvidKey?: Uint8Array
  bundle?: Uint8Array
  hint?: string
}

export interface FakeResponse {
  svids?: readonly FakeSvid[]
  crl?: readonly Uint8Array[]
  federatedBundles?: Readonly<Record<string, Uint8Array>>
}

/** What a stream is answered: a message, raw bytes in the place of one, an error, or nothing at all. */
export type FakeAnswer =
  FakeResponse | { readonly raw: Uint8Array } | { readonly code: status; readonly details?: string } | 'silence'

type PeerCredentials = NonNullable<ReturnType<typeof peerCredentials>>
type Call = ServerWritableStream<object, FakeResponse | { raw: Uint8Array }>

/** A well-formed entry for an SVID; a test spoils what it wants to. */
export function fakeSvid(ca: FakeCa, issued: Issued, path: string, changes: FakeSvid = {}): FakeSvid {
  return {
    spiffeId: `spiffe://${ca.trustDomain}${path}`,
    x509Svid: Buffer.concat(issued.chain),
    x509SvidKey: issued.pkcs8,
    bundle: ca.certificate,
    ...changes,
  }
}

export class FakeWorkloadApi implements AsyncDisposable {
  readonly path: string
  /** The metadata of each call, in the order they came. */
  readonly calls: Metadata[] = []
  /** Who made each connection, as the kernel noted it: what an agent attests. */
  readonly callers: PeerCredentials[] = []
  readonly #sockets = new Set<Socket>()
  readonly #streams = new Set<Call>()
  readonly #waiting = new Set<() => void>()
  #answer: FakeAnswer = 'silence'
  #grpc: Server | undefined
  #listener: SocketServer | undefined

  private constructor(path: string) {
    this.path = path
  }

  static async start(path: string, answer: FakeAnswer = 'silence'): Promise<FakeWorkloadApi> {
    const api = new FakeWorkloadApi(path)
    api.#answer = answer
    await api.listen()
    return api
  }

  /** Makes the socket, again after `stop`. */
  async listen(): Promise<void> {
    const grpc = new Server({ 'grpc.max_send_message_length': -1 })
    grpc.addService(service(), {
      FetchX509SVID: (call: Call) => this.#serve(call),
      FetchX509Bundles: (call: Call) => this.#serve(call),
    })
    const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure())
    this.#grpc = grpc
    this.#listener = createServer({ pauseOnConnect: true }, (socket) => {
      this.#sockets.add(socket)
      const { fd } = Reflect.get(socket, '_handle') as { fd: number }
      this.callers.push(peerCredentials(fd)!)
      socket.on('close', () => this.#sockets.delete(socket))
      socket.on('error', () => socket.destroy())
      injector.injectConnection(socket)
      socket.resume()
    })
    this.#listener.listen(this.path)
    await once(this.#listener, 'listening')
  }

  /** Says this to every open stream and to every one that comes. */
  say(answer: FakeAnswer): void {
    this.#answer = answer
    for (const call of this.#streams) this.#reply(call)
  }

  /** What streams that are still to come are answered. */
  sayToTheNext(answer: FakeAnswer): void {
    this.#answer = answer
  }

  /** Cuts every connection without a word of HTTP/2. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Ends every stream with status OK, as no agent may. */
  endStreams(): void {
    for (const call of this.#streams) call.end()
  }

  /** Resolves when so many calls were made in all. */
  async untilCalls(count: number): Promise<void> {
    while (this.calls.length < count) await new Promise<void>((resolve) => this.#waiting.add(resolve))
  }

  /** Resolves when no connection is left. */
  async untilNoConnection(): Promise<void> {
    for (const socket of this.#sockets) if (!socket.closed) await once(socket, 'close')
  }

  get openStreams(): number {
    return this.#streams.size
  }

  /** Goes away with its socket. */
  async stop(): Promise<void> {
    this.hangUp()
    this.#grpc?.forceShutdown()
    const closed = this.#listener?.listening === true ? once(this.#listener, 'close') : undefined
    this.#listener?.close()
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #serve(call: Call): void {
    this.calls.push(call.metadata)
    this.#streams.add(call)
    call.on('cancelled', () => this.#streams.delete(call))
    this.#reply(call)
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  #reply(call: Call): void {
    const answer = this.#answer
    if (answer === 'silence') return
    if ('code' in answer) {
      this.#streams.delete(call)
      call.emit('error', { code: answer.code, details: answer.details ?? '', metadata: new Metadata() })
    } else {
      call.write(answer)
    }
  }
}

/** The project's proto, loaded apart from the code under test; raw bytes pass where a message would stand. */
function service(): Record<string, MethodDefinition<object, object>> {
  const loaded = loadSync(join(repositoryRoot, 'workload-api', 'proto', 'workload.proto'))['SpiffeWorkloadAPI']
  const methods = Object.entries({ ...loaded } as Record<string, MethodDefinition<object, object>>)
  return Object.fromEntries(
    methods.map(([name, method]) => [
      name,
      {
        ...method,
        responseSerialize: (message) =>
          'raw' in message && message.raw instanceof Uint8Array
            ? Buffer.from(message.raw)
            : method.responseSerialize(message),
      },
    ]),
  )
}
