/**
 * One connection through a tunnel, with both of its ends in hand: the peer speaks Node's TLS, the other end plaintext. A
 * test of what passes between them is the same in both modes.
 */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, NetConnectOpts, Server, Socket } from 'node:net'
import { connect as connectTls, createSecureContext, TLSSocket } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'

import { Recording } from './recording.js'
import { anyPort, ca, Folder, loopback, type LabOptions, type Mode, TunnelLab, until, welcome } from './tunnel-lab.js'
import { pem } from '../../fakes/fake-ca.js'
import type { Endpoint } from '../../../native/index.js'

/** Where a program serves, and its connections in the order they came. */
export class Acceptor implements AsyncDisposable {
  readonly endpoint: Endpoint
  readonly sockets: Socket[] = []
  readonly #server: Server

  private constructor(server: Server, endpoint: Endpoint) {
    this.#server = server
    this.endpoint = endpoint
  }

  /** `welcome` gets each connection as soon as it is there. */
  static async open(path: string | undefined, onConnection: (socket: Socket) => void = () => {}): Promise<Acceptor> {
    const server = createServer({ allowHalfOpen: true })
    if (path === undefined) server.listen(0, '127.0.0.1')
    else server.listen(path)
    await once(server, 'listening')
    const address = server.address() as AddressInfo
    const endpoint: Endpoint = path === undefined ? loopback(address.port) : { kind: 'unix', path }
    const acceptor = new Acceptor(server, endpoint)
    server.on('connection', (socket) => {
      acceptor.sockets.push(socket)
      socket.on('error', () => undefined)
      onConnection(socket)
    })
    return acceptor
  }

  get port(): number {
    return this.endpoint.kind === 'tcp' ? this.endpoint.port : 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    this.#server.close()
    if (this.#server.listening) await once(this.#server, 'close')
  }
}

const context = createSecureContext({ cert: welcome.chainPem, key: welcome.keyPem })

/** The peer as a client: Node's TLS over a socket that the test can break. */
export function tlsClient(raw: Socket, options: ConnectionOptions = {}): TLSSocket {
  const credentials = { cert: welcome.chainPem, key: welcome.keyPem, rejectUnauthorized: false }
  return connectTls({ socket: raw, ...credentials, ...options })
}

/** The peer as a server, over an accepted socket. */
export function tlsServer(raw: Socket): TLSSocket {
  const options = { isServer: true, requestCert: true, rejectUnauthorized: false, secureContext: context }
  return new TLSSocket(raw, { ...options, ca: pem(ca.certificate) })
}

export function dial(options: NetConnectOpts): Socket {
  const socket = connect({ ...options, allowHalfOpen: true, noDelay: true } as NetConnectOpts)
  socket.on('error', () => undefined)
  return socket
}

export interface Link extends AsyncDisposable {
  readonly lab: TunnelLab
  /** Below the peer's TLS. */
  readonly raw: Socket
  readonly peer: Recording
  readonly plain: Recording
}

export type PlaintextKind = 'tcp' | 'unix'

export interface LinkOptions {
  readonly mode: Mode
  readonly plaintext?: PlaintextKind
  readonly lab?: Pick<LabOptions, 'settings' | 'key' | 'authorize'>
}

/** Both ends of a new connection, its handshake done. */
export async function openLink({ mode, plaintext = 'tcp', lab: labOptions = {} }: LinkOptions): Promise<Link> {
  const stack = new AsyncDisposables()
  const folder = stack.use(new Folder())
  const path = plaintext === 'unix' ? folder.join('s') : undefined
  try {
    return mode === 'server' ? await serverLink(stack, path, labOptions) : await clientLink(stack, path, labOptions)
  } catch (error) {
    await stack[Symbol.asyncDispose]()
    throw error
  }
}

async function serverLink(stack: AsyncDisposables, path: string | undefined, options: object): Promise<Link> {
  const backend = stack.use(await Acceptor.open(path))
  const lab = stack.use(await TunnelLab.open({ mode: 'server', target: backend.endpoint, ...options }))
  const raw = dial({ host: '127.0.0.1', port: lab.port })
  const tls = tlsClient(raw)
  const peer = new Recording(tls)
  const plain = new Recording(await until('the dial', () => backend.sockets[0]))
  return { lab, raw, peer, plain, [Symbol.asyncDispose]: () => end(stack, raw, tls) }
}

async function clientLink(stack: AsyncDisposables, path: string | undefined, options: object): Promise<Link> {
  let secured: [Socket, TLSSocket] | undefined
  const server = stack.use(
    await Acceptor.open(undefined, (raw) => {
      const tls = tlsServer(raw)
      tls.once('secure', () => (secured = [raw, tls]))
    }),
  )
  const listen = path === undefined ? anyPort : ({ kind: 'unix', path } as const)
  const lab = stack.use(await TunnelLab.open({ mode: 'client', target: server.endpoint, listen, ...options }))
  const plain = new Recording(dial(path === undefined ? { host: '127.0.0.1', port: lab.port } : { path }))
  const [raw, tls] = await until('the handshake', () => secured)
  return { lab, raw, peer: new Recording(tls), plain, [Symbol.asyncDispose]: () => end(stack, plain.socket, tls) }
}

async function end(stack: AsyncDisposables, ...sockets: Socket[]): Promise<void> {
  for (const socket of sockets) socket.destroy()
  await stack[Symbol.asyncDispose]()
}

/** `AsyncDisposableStack`, which Node 20 has not. The last to come is the first to go. */
class AsyncDisposables implements AsyncDisposable {
  readonly #all: (AsyncDisposable | Disposable)[] = []

  use<T extends AsyncDisposable | Disposable>(resource: T): T {
    this.#all.push(resource)
    return resource
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const resource of this.#all.toReversed()) {
      if (Symbol.asyncDispose in resource) await resource[Symbol.asyncDispose]()
      else resource[Symbol.dispose]()
    }
  }
}
