/** Servers and clients of the tests of mutual TLS; waits are for events. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type ConnectionOptions, type Server, type TLSSocket } from 'node:tls'
import {
  authorizeMemberOf,
  mtls,
  parseTrustDomain,
  X509Source,
  type Authorizer,
  type Mtls,
} from '../../../workload-api/index.js'
import { LiveSource, type Sink } from '../../../workload-api/source/live-source.js'
import type { X509Snapshot } from '../../../workload-api/source/x509-source.js'
import { FakeCa, type CertificateOptions } from '../../fakes/fake-ca.js'
import { bundlesOf, svidOf } from '../material.js'

export const ca = FakeCa.create('example.org')
export const partner = FakeCa.create('partner.org')
export const members = authorizeMemberOf(parseTrustDomain('example.org'))

/** Mutual TLS of `spiffe://example.org<path>` that trusts example.org, unless told otherwise. */
export function identityOf(
  path: string,
  {
    authority = ca,
    trusts = [ca],
    authorizer = members,
    issue = {},
  }: {
    readonly authority?: FakeCa
    readonly trusts?: readonly FakeCa[]
    readonly authorizer?: Authorizer
    readonly issue?: CertificateOptions
  } = {},
): Mtls {
  return mtls(X509Source.of(svidOf(authority, path, issue), bundlesOf(...trusts)), authorizer)
}

/** A source whose snapshots the test chooses. */
export class ChosenSource extends LiveSource<X509Snapshot> {
  readonly sink: Sink<X509Snapshot>

  constructor() {
    let sink: Sink<X509Snapshot> | undefined
    super((given) => {
      sink = given
      return Promise.resolve()
    })
    this.sink = sink!
  }
}

/** A protected TLS server that echoes, and what it heard. */
export class EchoServer implements AsyncDisposable {
  readonly admitted: TLSSocket[] = []
  readonly refused: Error[] = []
  readonly received: Buffer[] = []
  readonly #sockets = new Set<{ destroy(): void }>()

  private constructor(
    readonly server: Server,
    readonly port: number,
  ) {
    server.on('secureConnection', (socket) => {
      this.admitted.push(socket)
      socket.on('error', () => socket.destroy())
      socket.on('data', (data: Buffer) => {
        this.received.push(data)
        socket.write(data)
      })
    })
    server.on('tlsClientError', (error) => this.refused.push(error))
    server.on('connection', (socket) => this.#sockets.add(socket))
  }

  static async start(identity: Mtls): Promise<EchoServer> {
    const server = identity.protect(createServer(identity.serverOptions))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new EchoServer(server, portOf(server))
  }

  async untilRefused(): Promise<Error> {
    while (this.refused.length === 0) await once(this.server, 'tlsClientError')
    return this.refused[0]!
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.server.close()
    await once(this.server, 'close')
  }
}

export function portOf(server: { address(): AddressInfo | string | null }): number {
  return (server.address() as AddressInfo).port
}

/** What an echo server answers to a word, or why it does not. */
export async function ask(port: number, options: ConnectionOptions, word = 'hello'): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, ...options })
  const over = new Promise<Buffer>((resolve, reject) => {
    socket.once('data', resolve)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed without an answer')))
  })
  socket.write(word)
  try {
    return (await over).toString()
  } finally {
    socket.destroy()
  }
}
