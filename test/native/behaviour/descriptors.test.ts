import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { TunnelChild } from './child-process.js'
import { Acceptor, dial, tlsClient } from './link.js'
import { Recording } from './recording.js'

const descriptors = 120
const strangers = 200

test('descriptors exhausted: accepting pauses and recovers', async () => {
  await using backend = await Acceptor.open(undefined, (socket) => socket.pipe(socket))
  await using child = await TunnelChild.start(backend.port, 1000, descriptors)
  const { port, cert, key } = child.tunnel
  const connectPeer = (): Recording => new Recording(tlsClient(dial({ host: '127.0.0.1', port }), { cert, key }))
  const early = connectPeer()
  early.socket.write('before')
  await early.received(6)
  const silent = Array.from({ length: strangers }, () => new Recording(dial({ host: '127.0.0.1', port })))
  const first = await child.until(({ pausedAccepts }) => pausedAccepts > 0)
  const began = performance.now()
  // It must pause, not spin, for as long as there is none.
  await child.until(({ pausedAccepts }) => pausedAccepts > first.pausedAccepts + 3)
  const { pausedAccepts } = await child.stats()
  const most = (performance.now() - began) / 100 + 2
  assert.ok(pausedAccepts - first.pausedAccepts <= most, `${pausedAccepts} pauses`)
  early.socket.write('during')
  await early.received(12)
  // The kernel takes it; the tunnel cannot yet.
  const late = connectPeer()
  late.socket.end('late')
  await delay(50)
  assert.equal(late.bytes, 0)
  for (const { socket } of silent) socket.destroy()
  await late.untilEnded()
  assert.equal(late.text, 'late')
  early.socket.end()
  await early.untilEnded()
  assert.equal(early.text, 'beforeduring')
  const after = await child.until(({ active, handshaking }) => active + handshaking === 0)
  await delay(300)
  assert.equal((await child.stats()).pausedAccepts, after.pausedAccepts, 'it goes on pausing')
})
