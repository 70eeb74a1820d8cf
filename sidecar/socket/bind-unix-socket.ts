import { chmod, chown, lstat, rename, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { basename, dirname, join } from 'node:path'

export type SocketErrorCode = 'ERR_SOCKET_IN_USE' | 'ERR_SOCKET_NOT_OURS' | 'ERR_SOCKET_DIRECTORY' | 'ERR_SOCKET_PATH'

/** A unix socket could not be bound; the text says what stands in the way. */
export class SocketError extends Error {
  override readonly name = 'SocketError'
  readonly code: SocketErrorCode

  constructor(code: SocketErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Owner and permissions of a socket file; the owner and group of the process when not given. */
export interface UnixSocketOptions {
  readonly mode: number
  readonly owner?: number | undefined
  readonly group?: number | undefined
}

export interface BoundUnixSocket {
  /** Stops listening and removes the file, when it is still the one that was bound. */
  close(): Promise<void>
}

const answerTimeoutMs = 1000
/** `sun_path` has 108 bytes with the final zero; the temporary name needs a few more than the final one. */
const longestPathBytes = 100

function nodeErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

function someoneAnswers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path, timeout: answerTimeoutMs })
    const settle = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.once('connect', () => settle(true))
    // A full backlog or a stalled process is a living owner too.
    socket.once('timeout', () => settle(true))
    socket.once('error', (error) => settle(!['ECONNREFUSED', 'ENOENT'].includes(nodeErrorCode(error) ?? '')))
  })
}

/** What lies at `path` must be nothing, or a dead socket of this user: anything else is somebody's. */
async function assertReplaceable(path: string): Promise<void> {
  let found
  try {
    found = await lstat(path)
  } catch (error) {
    if (nodeErrorCode(error) === 'ENOENT') return
    throw new SocketError('ERR_SOCKET_DIRECTORY', `cannot look at "${path}": check the directory's permissions`, {
      cause: error,
    })
  }
  if (!found.isSocket()) throw new SocketError('ERR_SOCKET_NOT_OURS', `"${path}" exists and is not a socket`)
  if (await someoneAnswers(path)) throw new SocketError('ERR_SOCKET_IN_USE', `"${path}" is in use by a running process`)
  if (found.uid !== process.getuid?.()) {
    throw new SocketError('ERR_SOCKET_NOT_OURS', `"${path}" is a stale socket of uid ${found.uid}: remove it`)
  }
}

async function setOwner(path: string, { owner, group }: UnixSocketOptions): Promise<void> {
  if (owner === undefined && group === undefined) return
  const { uid, gid } = await lstat(path)
  await chown(path, owner ?? uid, group ?? gid)
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.removeListener('error', reject)
      resolve()
    })
  })
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
  })
}

/**
 * Listens on a unix socket under a temporary name, sets its mode, then renames it into place: at no moment can
 * somebody connect whom the mode would keep out, and no reader sees the name without a listener behind it.
 */
export async function bindUnixSocket(
  server: Server,
  path: string,
  options: UnixSocketOptions,
): Promise<BoundUnixSocket> {
  if (Buffer.byteLength(path) > longestPathBytes) {
    throw new SocketError(
      'ERR_SOCKET_PATH',
      `"${path}" is longer than the ${longestPathBytes} bytes a socket path may have`,
    )
  }
  await assertReplaceable(path)
  const temporary = join(dirname(path), `.${basename(path).slice(0, 4)}.${process.pid}`)
  try {
    await listen(server, temporary)
    await chmod(temporary, options.mode)
    await setOwner(temporary, options)
    await rename(temporary, path)
  } catch (error) {
    await closeServer(server)
    throw new SocketError(
      'ERR_SOCKET_DIRECTORY',
      `cannot create the socket "${path}": check that its directory exists and is writable`,
      { cause: error },
    )
  }
  const { ino } = await lstat(path)
  return {
    async close() {
      await closeServer(server)
      const now = await lstat(path).catch(() => undefined)
      if (now?.ino === ino) await unlink(path).catch(() => undefined)
    },
  }
}
