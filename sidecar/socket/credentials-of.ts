import type { Socket } from 'node:net'
import { peerCredentials } from '../../native/index.js'

/** Who the kernel says is at the other end of a unix socket. */
export type PeerCredentials = NonNullable<ReturnType<typeof peerCredentials>>

interface WithHandle {
  readonly _handle?: { readonly fd?: number } | null
}

/**
 * The peer of a connected unix socket (`SO_PEERCRED`), or undefined when it cannot be told: then the socket must not be
 * served. Node has no public way to a socket's descriptor.
 */
export function credentialsOf(socket: Socket): PeerCredentials | undefined {
  const fd = (socket as WithHandle)._handle?.fd
  return fd === undefined || fd < 0 ? undefined : peerCredentials(fd)
}
