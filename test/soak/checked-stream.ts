import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { BytePattern } from './byte-pattern.js'
import { patienceMs } from './exchange.js'
import type { Lane, Ledger } from './ledger.js'

export interface StreamOptions {
  readonly lane: Lane
  readonly address: NetConnectOpts
  readonly bytesPerSecond: number
  readonly ledger: Ledger
  /** Ends the stream in order; what is under way must still come back. */
  readonly end: AbortSignal
}

const writesPerSecond = 20
const betweenStreamsMs = 200
/** More under way than this, and the stream waits for the other side. */
const window = 1 << 20

/** What one stream sent and got back. */
class Progress {
  readonly pattern = new BytePattern()
  sent = 0
  received = 0
  failure: string | undefined

  receive(chunk: Buffer): void {
    const wrong = this.pattern.firstDifference(this.received, chunk)
    if (wrong !== undefined) this.failure ??= `byte ${wrong} of the stream came back wrong`
    this.received += chunk.length
  }
}

async function write(socket: Socket, progress: Progress, { bytesPerSecond, end }: StreamOptions): Promise<void> {
  const largest = Math.ceil((2 * bytesPerSecond) / writesPerSecond)
  while (!end.aborted && progress.failure === undefined && !socket.destroyed) {
    if (progress.sent - progress.received < window) {
      const chunk = progress.pattern.slice(progress.sent, randomInt(1, largest))
      progress.sent += chunk.length
      socket.write(chunk)
    }
    await sleep(1000 / writesPerSecond)
  }
}

/** One connection held for long, bytes flowing both ways all the time, each of them compared. */
export async function checkedStream(options: StreamOptions): Promise<void> {
  const { lane, address, ledger } = options
  const progress = new Progress()
  const socket = connect({ ...address, allowHalfOpen: true })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const fail = (what: string) => {
    progress.failure ??= what
    socket.destroy()
  }
  socket.setTimeout(patienceMs, () => fail('nothing happens any more'))
  socket.on('error', (error) => fail(error.message))
  socket.on('data', (chunk: Buffer) => {
    progress.receive(chunk)
    ledger.counts[lane].bytes += chunk.length
  })
  socket.once('end', () => {
    if (!socket.writableEnded) fail('ended by the other side')
  })
  await Promise.race([once(socket, 'connect').catch(() => undefined), closed])
  await write(socket, progress, options)
  socket.end()
  await closed
  const { sent, received, failure } = progress
  if (failure !== undefined) ledger.fail(lane, `${failure} (${received} of ${sent} bytes were back)`)
  else if (sent !== received) ledger.fail(lane, `${sent} bytes sent, ${received} came back`)
  else ledger.done(lane)
}

/** Streams one after another, each living for about `lifeMs`, until the last one is to end. */
export async function successiveStreams(options: StreamOptions, lifeMs: number): Promise<void> {
  while (!options.end.aborted) {
    const life = AbortSignal.timeout(randomInt(Math.ceil(lifeMs / 2), Math.ceil(lifeMs * 1.5)))
    await checkedStream({ ...options, end: AbortSignal.any([options.end, life]) })
    // A fault is counted by how long it lasts, not by how fast a stream can fail.
    await sleep(betweenStreamsMs)
  }
}
