/** Server mode: what a peer sees of a backend in trouble. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import type { Endpoint } from '../../../native/index.js'
import { dial, openLink, type PlaintextKind, tlsClient } from './link.js'
import { payload, Recording } from './recording.js'
import { StoppedServer } from './stopped-server.js'
import { Folder, freePort, loopback, TunnelLab } from './tunnel-lab.js'

/** Its handshake is done when the tunnel finds that there is no backend: only a reset tells that nothing was done. */
async function unreachable(target: Endpoint, expected: string, reason: RegExp): Promise<void> {
  await using lab = await TunnelLab.open({ mode: 'server', target, settings: { connectTimeoutMs: 300 } })
  const socket = tlsClient(dial({ host: '127.0.0.1', port: lab.port }))
  const peer = new Recording(socket)
  socket.write('a request')
  await peer.untilClosed()
  assert.deepEqual([peer.bytes, peer.ended, peer.error?.code], [0, false, 'ECONNRESET'])
  const outcome = await lab.outcome()
  assert.deepEqual([outcome.outcome, outcome.decision, outcome.bytesFromPeer], [expected, 'allowed', 0])
  assert.match(outcome.reason, reason)
}

async function resetting(): Promise<void> {
  await using link = await openLink({ mode: 'server' })
  link.plain.socket.write('half an answ')
  await link.peer.received(12)
  link.plain.socket.resetAndDestroy()
  await link.peer.untilClosed()
  assert.deepEqual([link.peer.ended, link.peer.error?.code], [false, 'ECONNRESET'])
  const { outcome, reason, bytesToPeer } = await link.lab.outcome()
  assert.deepEqual([outcome, bytesToPeer], ['target_reset', 12])
  assert.match(reason, /reset by peer/i)
}

/** More than all buffers between the two ends can hold. */
const large = 16 * 1024 * 1024

/** The backend stops reading: the peer is held back, the other direction is not, and nothing is lost. */
async function stalled(plaintext: PlaintextKind): Promise<void> {
  await using link = await openLink({ mode: 'server', plaintext })
  const { lab, plain, peer } = link
  const sent = payload(large)
  plain.socket.pause()
  peer.socket.end(sent.bytes)
  const passed = await standstill(() => lab.tunnel.stats().bytesFromPeer)
  assert.ok(passed < large / 2, `${passed} bytes were taken from the peer for a backend that does not read`)
  plain.socket.write('still there')
  await peer.received(11)
  plain.socket.resume()
  await plain.untilEnded()
  assert.equal(plain.sha256, sent.sha256)
  plain.socket.end()
  assert.equal((await lab.outcome()).outcome, 'completed')
}

/** The first value that is the same a while later. */
async function standstill(look: () => number): Promise<number> {
  for (let before = look(); ;) {
    await delay(200)
    const now = look()
    if (now === before) return now
    before = now
  }
}

/** Reads and writes a little at a time; longer in all than the idle time, never silent for as long. */
async function slow(): Promise<void> {
  await using link = await openLink({ mode: 'server', lab: { settings: { idleTimeoutMs: 800 } } })
  const { lab, plain, peer } = link
  const [request, answer] = [payload(512 * 1024), payload(4000)]
  plain.socket.pause()
  peer.socket.end(request.bytes)
  const began = Date.now()
  for (let offset = 0; offset < answer.bytes.length; offset += 250) {
    plain.socket.resume()
    await writeSlowly(plain.socket, answer.bytes.subarray(offset, offset + 250))
  }
  plain.socket.resume()
  await plain.untilEnded()
  plain.socket.end()
  await peer.untilEnded()
  assert.ok(Date.now() - began > 800)
  assert.deepEqual([plain.sha256, peer.sha256], [request.sha256, answer.sha256])
  assert.equal((await lab.outcome()).outcome, 'completed')
}

async function writeSlowly(socket: Socket, bytes: Uint8Array): Promise<void> {
  if (!socket.write(bytes)) await once(socket, 'drain')
  await delay(60)
  socket.pause()
}

test('backend down, resetting, stalled, slow (server mode)', async (t) => {
  await t.test('down, TCP', async () => {
    await unreachable(loopback(await freePort()), 'target_unreachable', /refused/i)
  })
  await t.test('down, unix', async () => {
    using folder = new Folder()
    await unreachable({ kind: 'unix', path: folder.join('s') }, 'target_unreachable', /no such file/i)
  })
  await t.test('resetting', resetting)
  await t.test('stalled before it accepts, TCP', async () => {
    await using server = await StoppedServer.start()
    await unreachable(server.endpoint, 'target_timeout', /in time/)
  })
  await t.test('stalled before it accepts, unix', async () => {
    using folder = new Folder()
    await using server = await StoppedServer.start(folder.join('s'))
    await unreachable(server.endpoint, 'target_timeout', /in time/)
  })
  await t.test('stalled, TCP', () => stalled('tcp'))
  await t.test('stalled, unix', () => stalled('unix'))
  await t.test('slow', slow)
})
