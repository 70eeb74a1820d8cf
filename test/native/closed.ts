import type { Socket } from 'node:net'

/** Waits for the end of a socket, orderly or not: `once(socket, 'close')` would reject at a reset. */
export function closed(socket: Socket): Promise<void> {
  socket.on('error', () => undefined)
  return new Promise((resolve) => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })
}
