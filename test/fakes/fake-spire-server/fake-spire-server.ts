/**
 * A SPIRE server as far as an agent sees it: real gRPC over TLS, an optional client certificate, and the quirks of the
 * real one. A test changes what it keeps (`registry`), its CAs (`authority`), or what a method does (`before`).
 */
import { once } from 'node:events'
import { createServer, type Server as TlsServer, type TLSSocket } from 'node:tls'
import { Server, ServerCredentials, status } from '@grpc/grpc-js'
import type { AddressInfo, Socket } from 'node:net'
import { FakeAuthority } from './authority.js'
import type { FakeParts } from './parts.js'
import { FakeRegistry } from './registry.js'
import { addServices } from './services.js'
import { StatusError } from './status-error.js'

export interface FakeSpireServerOptions {
  readonly trustDomain?: string
  readonly nested?: boolean
}

export class FakeSpireServer implements AsyncDisposable {
  readonly authority: FakeAuthority
  readonly registry: FakeRegistry
  readonly parts: FakeParts
  readonly #sockets = new Set<Socket>()
  readonly #waiting = new Set<() => void>()
  #listener: TlsServer | undefined
  #grpc: Server | undefined
  #port = 0
  #certificatePath = '/spire/server'

  private constructor(authority: FakeAuthority) {
    this.authority = authority
    this.registry = new FakeRegistry(authority.trustDomain)
    this.parts = {
      authority,
      registry: this.registry,
      pageSize: 500,
      calls: [],
      onCall: () => this.#wake(),
      federated: new Map(),
      failing: new Map(),
      refusedItems: false,
      attestors: ['join_token', 'x509pop'],
      exchangePrefix: undefined,
    }
  }

  static async start(options: FakeSpireServerOptions = {}): Promise<FakeSpireServer> {
    const { trustDomain = 'example.org', nested = false } = options
    const server = new FakeSpireServer(await FakeAuthority.create(trustDomain, { nested }))
    await server.listen()
    return server
  }

  get address(): { readonly kind: 'tcp'; readonly host: string; readonly port: number } {
    return { kind: 'tcp', host: '127.0.0.1', port: this.#port }
  }

  /** For `parts.failing`. */
  readonly unimplemented = new StatusError(status.UNIMPLEMENTED, 'unknown method')
  readonly unavailable = new StatusError(status.UNAVAILABLE, 'starting')

  /** The methods called, in order. */
  get calls(): readonly string[] {
    return this.parts.calls
  }

  /** Resolves when `method` was called `times` times more. */
  async called(method: string, times = 1): Promise<void> {
    const count = () => this.calls.filter((name) => name === method).length
    const wanted = count() + times
    while (count() < wanted) await new Promise<void>((resolve) => this.#waiting.add(resolve))
  }

  #wake(): void {
    for (const resume of this.#waiting) resume()
    this.#waiting.clear()
  }

  get connections(): number {
    return this.#sockets.size
  }

  /** Serves, on the same port as before. */
  async listen(): Promise<void> {
    const grpc = new Server()
    addServices(grpc, this.parts)
    const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure())
    const listener = createServer({
      ...(await this.#credentials()),
      requestCert: true,
      // As SPIRE asks for a certificate and takes callers without one.
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
      minVersion: 'TLSv1.3',
    })
    listener.on('secureConnection', (socket: TLSSocket) => {
      socket.on('error', () => socket.destroy())
      // Who shows no certificate is let in; one that the bundle does not vouch for ends the connection.
      if (socket.authorized || socket.getPeerX509Certificate() === undefined) injector.injectConnection(socket)
      else socket.destroy()
    })
    listener.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.once('close', () => this.#sockets.delete(socket))
    })
    listener.listen(this.#port, '127.0.0.1')
    await once(listener, 'listening')
    this.#port = (listener.address() as AddressInfo).port
    this.#listener = listener
    this.#grpc = grpc
  }

  /** A new certificate of its own, after its CA changed; `path` is of the ID it claims. */
  async renewCertificate(path = '/spire/server'): Promise<void> {
    this.#certificatePath = path
    this.#listener?.setSecureContext(await this.#credentials())
    this.dropConnections()
  }

  async #credentials() {
    return { ...(await this.authority.serverCertificate(this.#certificatePath)), ca: this.authority.bundlePem }
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async stop(): Promise<void> {
    const listener = this.#listener
    this.#listener = undefined
    this.#grpc?.forceShutdown()
    this.dropConnections()
    if (listener === undefined) return
    listener.close()
    await once(listener, 'close')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
