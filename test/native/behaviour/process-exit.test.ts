import assert from 'node:assert/strict'
import { test } from 'node:test'

import { exitCode, TunnelChild } from './child-process.js'
import { Acceptor, dial, tlsClient } from './link.js'
import { Recording } from './recording.js'
import { until, untilTrue } from './tunnel-lab.js'

const streams = 8
const waiting = 50
const promptMs = 2000

/** Writes for as long as the other side takes it. */
function pour(recording: Recording): void {
  const chunk = Buffer.alloc(64 * 1024)
  const write = (): void => {
    while (!recording.socket.destroyed && recording.socket.write(chunk));
  }
  recording.socket.on('drain', write)
  write()
}

test('`process.exit()` in full traffic', async () => {
  await using backend = await Acceptor.open(undefined, (socket) => socket.pipe(socket))
  await using child = await TunnelChild.start(backend.port, streams + 1)
  const { port, cert, key } = child.tunnel
  const connectPeer = (): Recording => new Recording(tlsClient(dial({ host: '127.0.0.1', port }), { cert, key }))
  const idlePeer = connectPeer()
  await child.until(({ active }) => active === 1)
  const idle = new Recording(await until('the backend', () => backend.sockets[0]))
  const open = Array.from({ length: streams }, connectPeer)
  await child.until(({ active }) => active === streams + 1)
  open.forEach(pour)
  const stuck = Array.from({ length: waiting }, connectPeer)
  await child.until(({ handshaking }) => handshaking === waiting)
  await untilTrue('traffic on every stream', () => open.every(({ bytes }) => bytes > 1_000_000))
  const began = performance.now()
  child.order('exit')
  assert.equal(await child.ended(), exitCode, 'neither a signal nor another code')
  assert.ok(performance.now() - began < promptMs, `it took ${performance.now() - began} ms`)
  await Promise.all([...open, ...stuck, idlePeer, idle].map((one) => one.untilClosed()))
  // Where nothing is on its way the kernel has no reason of its own to reset.
  assert.deepEqual([idle.ended, idle.error?.code], [false, 'ECONNRESET'], 'a cut must not look like an end')
})
