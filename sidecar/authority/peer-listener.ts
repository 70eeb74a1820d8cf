import { createServer, type Server, type Socket } from 'node:net'
import { peerCredentials } from '../../native/index.js'
import { bindUnixSocket, type BoundUnixSocket, type UnixSocketOptions } from '../socket/bind-unix-socket.js'
import { formatCaller } from './caller.js'

/** Connections at once, of all and of one uid: nobody keeps the others out by holding sockets. */
const maxConnections = 1024
const maxConnectionsOfUid = 128

export interface PeerListenerOptions extends UnixSocketOptions {
  readonly path: string
  /** Undefined admits every uid the file's mode lets in. */
  readonly allowUids: readonly number[] | undefined
  /** Takes an admitted connection; its `remoteAddress` is the caller (`formatCaller`). */
  readonly onConnection: (socket: Socket) => void
  readonly onRefused: (reason: string, uid: number | undefined) => void
}

/** A unix socket that knows who connects: the uid and pid the kernel noted when the connection was made. */
export class PeerListener {
  readonly #options: PeerListenerOptions
  readonly #sockets = new Map<Socket, number>()
  readonly #server: Server
  #bound: BoundUnixSocket | undefined

  private constructor(options: PeerListenerOptions) {
    this.#options = options
    // Paused: nothing may be read before whoever will read it is told who sends it.
    this.#server = createServer({ pauseOnConnect: true }, (socket) => this.#admit(socket))
  }

  /** Throws `SocketError`. */
  static async open(options: PeerListenerOptions): Promise<PeerListener> {
    const listener = new PeerListener(options)
    listener.#bound = await bindUnixSocket(listener.#server, options.path, options)
    return listener
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.keys()) socket.destroy()
    await this.#bound?.close()
  }

  #admit(socket: Socket): void {
    const caller = credentialsOf(socket)
    const refusal = this.#refusalOf(caller?.uid)
    if (refusal !== undefined || caller === undefined) {
      socket.destroy()
      this.#options.onRefused(refusal ?? 'no credentials', caller?.uid)
      return
    }
    this.#sockets.set(socket, caller.uid)
    socket.once('close', () => this.#sockets.delete(socket))
    // A caller that goes away mid-call is its own affair; 'close' follows.
    socket.on('error', () => socket.destroy())
    Object.defineProperty(socket, 'remoteAddress', { value: formatCaller(caller) })
    this.#options.onConnection(socket)
    socket.resume()
  }

  #refusalOf(uid: number | undefined): string | undefined {
    if (uid === undefined) return 'no credentials'
    if (this.#options.allowUids && !this.#options.allowUids.includes(uid)) return 'uid not in allow_uids'
    if (this.#sockets.size >= maxConnections) return 'too many connections'
    const ofUid = [...this.#sockets.values()].filter((other) => other === uid).length
    return ofUid >= maxConnectionsOfUid ? 'too many connections of this uid' : undefined
  }
}

/** Undefined when the handle is gone already or the kernel does not say: such a connection is closed. */
function credentialsOf(socket: Socket): ReturnType<typeof peerCredentials> {
  const handle: unknown = Reflect.get(socket, '_handle')
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined
  return typeof fd === 'number' && fd >= 0 ? peerCredentials(fd) : undefined
}
