import { randomInt } from 'node:crypto'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { BytePattern } from './byte-pattern.js'

/** Whatever takes longer hangs; far above what a loaded machine makes of a handshake. */
export const patienceMs = 20_000
const largestPayload = 48 << 10

/** The connection ended before everything was back, without a wrong byte: it was refused or cut. */
export class CutError extends Error {
  override readonly name = 'CutError'
}

/** Bytes came back that were not sent, or nothing happened any more. */
export class WrongError extends Error {
  override readonly name = 'WrongError'
}

/** Ends half of the connections by its own end first, the other half once everything is back. */
function send(socket: Socket, payload: Buffer): { readonly endsFirst: boolean } {
  const endsFirst = randomInt(2) === 0
  if (endsFirst) socket.end(payload)
  else socket.write(payload)
  return { endsFirst }
}

/**
 * One connection: a payload of some bytes or some tens of kilobytes there and back, each byte compared, orderly ends.
 * Resolves with the number of bytes; rejects with `CutError` or `WrongError`.
 */
export function exchange(address: NetConnectOpts): Promise<number> {
  const pattern = new BytePattern()
  const length = randomInt(1, randomInt(2, largestPayload))
  return new Promise((resolve, reject) => {
    const socket = connect({ ...address, allowHalfOpen: true })
    let received = 0
    const end = (error?: Error) => {
      socket.destroy()
      if (error === undefined) resolve(length)
      else reject(error)
    }
    socket.setTimeout(patienceMs, () => end(new WrongError(`nothing happens after ${received} of ${length} bytes`)))
    socket.once('error', (error) => end(new CutError(error.message)))
    socket.once('connect', () => {
      const { endsFirst } = send(socket, pattern.slice(0, length))
      socket.on('data', (chunk: Buffer) => {
        const wrong = pattern.firstDifference(received, chunk)
        if (wrong !== undefined) return end(new WrongError(`byte ${wrong} of ${length} came back wrong`))
        received += chunk.length
        if (received >= length && !endsFirst) socket.end()
      })
    })
    socket.once('end', () => {
      if (received === length) end()
      else end(new CutError(`ended after ${received} of ${length} bytes`))
    })
    socket.once('close', () => end(new CutError(`closed after ${received} of ${length} bytes`)))
  })
}
