import type { Server, TLSSocket } from 'node:tls'
import { UnauthorizedPeerError, type Authorizer } from '../authorizer.js'
import { SpiffeError } from '../errors.js'
import type { Source } from '../source/source.js'
import type { X509Snapshot } from '../source/x509-source.js'
import type { SpiffeId } from '../spiffe-id/spiffe-id.js'
import { chainOfClient, checkPeer } from './peer-check.js'
import { withContextOptions, type TlsVersionOptions } from './secure-context.js'

/** A property and no map: HTTP/2 hands out a proxy of the socket, which passes properties on. */
const peerIdProperty = Symbol('svidecar.peerId')

/**
 * The verified ID of the client at the other end of a protected server's connection: `request.socket` of `http` and
 * `http2`, or the socket itself. Undefined for any other socket.
 */
export function peerIdOf(socket: object): SpiffeId | undefined {
  const id: unknown = Reflect.get(socket, peerIdProperty)
  return typeof id === 'string' ? (id as SpiffeId) : undefined
}

export interface Protection {
  readonly source: Source<X509Snapshot>
  readonly authorizer: Authorizer
  readonly versions: TlsVersionOptions
}

/**
 * Gives a server its identity, follows rotations, and lets nobody through who is not verified and wanted: every
 * connection passes here before any listener, HTTP's own one too, hears of it, and before a byte of it is read.
 *
 * @throws {TypeError} when the server was not made with `serverOptions`
 */
export function protectServer<Protected extends Server>(server: Protected, protection: Protection): Protected {
  if (Reflect.get(server, 'requestCert') !== true || Reflect.get(server, 'rejectUnauthorized') !== true) {
    throw new TypeError('the server was not made with serverOptions')
  }
  const identity = new ServerIdentity(server, protection)
  identity.follow()
  server.on('listening', () => identity.follow())
  server.on('close', () => identity.rest())
  const emit: (event: string | symbol, ...values: unknown[]) => boolean = server.emit.bind(server)
  // Not by a listener, even the first: the others would still be called, with a socket that was refused.
  server.emit = (event: string | symbol, ...values: unknown[]): boolean => {
    if (event !== 'secureConnection') return emit(event, ...values)
    const socket = values[0] as TLSSocket
    try {
      identity.assertReady()
      const { bundles } = protection.source.snapshot()
      const id = checkPeer(chainOfClient(socket), bundles, protection.authorizer, 'client')
      Object.defineProperty(socket, peerIdProperty, { value: id })
    } catch (error) {
      socket.destroy()
      return emit('tlsClientError', refusalFrom(error), socket)
    }
    return emit(event, ...values)
  }
  return server
}

function refusalFrom(error: unknown): Error {
  if (error instanceof SpiffeError || error instanceof UnauthorizedPeerError) return error
  return new Error('the check of the peer failed', { cause: error })
}

/** Keeps a server's secure context the newest one while it listens. */
class ServerIdentity {
  readonly #server: Server
  readonly #protection: Protection
  #following: AbortController | undefined
  #fault: Error | undefined

  constructor(server: Server, protection: Protection) {
    this.#server = server
    this.#protection = protection
  }

  follow(): void {
    if (this.#following) return
    const following = new AbortController()
    this.#following = following
    this.#useNewest()
    void this.#run(following.signal)
  }

  rest(): void {
    this.#following?.abort()
    this.#following = undefined
  }

  /** A context that could not be made leaves the one before, whose time is over. */
  assertReady(): void {
    if (this.#fault !== undefined) throw this.#fault
  }

  async #run(signal: AbortSignal): Promise<void> {
    try {
      for await (const _ of this.#protection.source.updates({ signal })) this.#useNewest()
    } catch {
      // The source has told its `onFault`; at each handshake its `snapshot` decides.
    }
  }

  #useNewest(): void {
    const { source, versions } = this.#protection
    let snapshot: X509Snapshot
    try {
      snapshot = source.snapshot()
    } catch {
      // Not ready: until it is, each handshake is refused for that reason.
      return
    }
    try {
      withContextOptions(snapshot, versions, (options) => this.#server.setSecureContext(options))
      this.#fault = undefined
    } catch (error) {
      this.#fault = new Error('the secure context cannot be made', { cause: error })
    }
  }
}
