/**
 * Run as a child process, for a crash must be seen and not suffered: loads the addon in one worker thread after the
 * other and unloads it in full traffic. With `beside` the main thread has a tunnel too, which must not notice. Exits
 * with 0 when all is well.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

import { Acceptor, dial, openLink, tlsClient, type Link } from './link.js'
import { Recording } from './recording.js'
import { untilTrue } from './tunnel-lab.js'
import type { ChildTunnel } from './tunnel-child.js'
import type { WorkerOrders } from './worker-tunnel.js'

const streams = 4
const stuck = 20
const workers = 4

/** What the peer sends comes back, and goes out again, for as long as the connection lives. */
function keepGoing(recording: Recording): void {
  recording.socket.on('data', (data: Buffer) => void (recording.socket.destroyed || recording.socket.write(data)))
  recording.socket.write(Buffer.alloc(64 * 1024))
}

async function loadAndUnload(targetPort: number, end: 'terminate' | 'close'): Promise<void> {
  const workerData: WorkerOrders = { targetPort, healthy: streams, stuck }
  const worker = new Worker(new URL('./worker-tunnel.js', import.meta.url), { workerData })
  const [tunnel]: ChildTunnel[] = await once(worker, 'message')
  const { port, cert, key } = tunnel!
  const connectPeer = (): Recording => new Recording(tlsClient(dial({ host: '127.0.0.1', port }), { cert, key }))
  const open = Array.from({ length: streams }, connectPeer)
  open.forEach(keepGoing)
  await untilTrue('traffic in the worker', () => open.every(({ bytes }) => bytes > 200_000))
  const allStuck = once(worker, 'message')
  const waiting = Array.from({ length: stuck }, connectPeer)
  await allStuck
  const exited = once(worker, 'exit')
  if (end === 'terminate') await worker.terminate()
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  else worker.postMessage('close')
  await exited
  await Promise.all([...open, ...waiting].map((peer) => peer.untilClosed()))
  const late = new Recording(dial({ host: '127.0.0.1', port }))
  await late.untilClosed()
  assert.equal(late.error?.code, 'ECONNREFUSED', 'the address is free again')
}

async function main(beside: boolean): Promise<void> {
  await using backend = await Acceptor.open(undefined, (socket) => socket.pipe(socket))
  const link: Link | undefined = beside ? await openLink({ mode: 'server' }) : undefined
  if (link !== undefined) {
    link.plain.socket.pipe(link.plain.socket)
    keepGoing(link.peer)
  }
  for (let one = 0; one < workers; one += 1) {
    const before = link?.peer.bytes ?? 0
    await loadAndUnload(backend.port, one % 2 === 0 ? 'terminate' : 'close')
    if (link === undefined) continue
    await untilTrue('traffic in the main thread', () => link.peer.bytes > before + 1_000_000)
    assert.equal(link.peer.closed, false)
  }
  await link?.[Symbol.asyncDispose]()
}

await main(process.argv[2] === 'beside')
