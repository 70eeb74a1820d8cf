import { constants } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import type { SecureVersion, Server, TLSSocket } from 'node:tls'

import { pem } from '../../fakes/fake-ca.js'
import { ca, welcome } from './tunnel-lab.js'

/** How sessions are remembered: by the client, in a ticket, or by the server, under an ID. */
export type SessionKind = 'ticket' | 'id'

/** Node's own server, which echoes, and resumes whatever it can. */
export class ResumingServer implements AsyncDisposable {
  readonly reused: boolean[] = []
  /** Session IDs that clients asked for, and how many of them were its own. */
  offered = 0
  known = 0
  readonly #sessions = new Map<string, Buffer>()
  readonly #server: Server

  private constructor(version: SecureVersion, kind: SessionKind) {
    const secureOptions = kind === 'ticket' ? 0 : constants.SSL_OP_NO_TICKET
    const versionOnly = { minVersion: version, maxVersion: version, secureOptions, sessionIdContext: 'test' }
    const peers = { ca: pem(ca.certificate), requestCert: true, rejectUnauthorized: false }
    const options = { cert: welcome.chainPem, key: welcome.keyPem, ...versionOnly, ...peers }
    this.#server = createServer(options, (socket: TLSSocket) => {
      this.reused.push(socket.isSessionReused())
      socket.on('error', () => undefined)
      socket.pipe(socket)
    })
    this.#server.on('newSession', (id: Buffer, data: Buffer, done: () => void) => {
      this.#sessions.set(id.toString('hex'), data)
      done()
    })
    this.#server.on('resumeSession', (id: Buffer, done: (error: null, data: Buffer | null) => void) => {
      const session = this.#sessions.get(id.toString('hex'))
      this.offered += 1
      if (session !== undefined) this.known += 1
      done(null, session ?? null)
    })
  }

  static async start(version: SecureVersion, kind: SessionKind): Promise<ResumingServer> {
    const server = new ResumingServer(version, kind)
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
  }
}
