import { createHash, randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'

import { untilTrue } from './tunnel-lab.js'

/** What a socket received, and how it ended. Reads as fast as it can unless it is paused. */
export class Recording {
  readonly socket: Socket
  bytes = 0
  /** The other side ended in order. */
  ended = false
  closed = false
  /** Node's code of the error, such as `ECONNRESET`. */
  error: NodeJS.ErrnoException | undefined
  readonly #hash = createHash('sha256')
  #first = Buffer.alloc(0)

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (data: Buffer) => {
      this.bytes += data.length
      this.#hash.update(data)
      if (this.#first.length < 1024) this.#first = Buffer.concat([this.#first, data])
    })
    socket.on('end', () => (this.ended = true))
    socket.on('error', (error) => (this.error ??= error))
    socket.on('close', () => (this.closed = true))
  }

  /** The beginning of what was received. */
  get text(): string {
    return this.#first.toString('latin1')
  }

  get sha256(): string {
    return this.#hash.copy().digest('hex')
  }

  received(count: number): Promise<void> {
    return untilTrue(`${count} bytes (got ${this.bytes})`, () => this.bytes >= count)
  }

  untilEnded(): Promise<void> {
    return untilTrue('the end', () => this.ended)
  }

  untilClosed(): Promise<void> {
    return untilTrue('the close', () => this.closed)
  }
}

/** Bytes nobody could have made up, and their hash. */
export function payload(length: number): { readonly bytes: Uint8Array; readonly sha256: string } {
  const bytes = randomBytes(length)
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
}
