/** Client mode: what a local client sees of a peer in trouble. The tunnel's target is the peer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Endpoint } from '../../../native/index.js'
import { Acceptor, dial, openLink } from './link.js'
import { payload, Recording } from './recording.js'
import { StoppedServer } from './stopped-server.js'
import { anyPort, Folder, freePort, loopback, TunnelLab, untilTrue } from './tunnel-lab.js'

/** The local client gets a reset, or on a unix socket both directions closed; never an answer. */
async function unreachable(target: Endpoint, expected: string, reason: RegExp, path?: string): Promise<void> {
  const listen = path === undefined ? anyPort : ({ kind: 'unix', path } as const)
  const settings = { connectTimeoutMs: 300, handshakeTimeoutMs: 300 }
  await using lab = await TunnelLab.open({ mode: 'client', target, listen, settings })
  const plain = new Recording(dial(path === undefined ? { host: '127.0.0.1', port: lab.port } : { path }))
  plain.socket.write('a request')
  if (path === undefined) {
    await plain.untilClosed()
    assert.deepEqual([plain.ended, plain.error?.code], [false, 'ECONNRESET'])
  } else {
    // How Node sees it depends on whether it wrote before or after.
    await untilTrue('the end', () => plain.ended || plain.closed)
  }
  assert.equal(plain.bytes, 0)
  const outcome = await lab.outcome()
  assert.deepEqual([outcome.outcome, outcome.decision, outcome.peer], [expected, 'denied', undefined])
  assert.match(outcome.reason, reason)
}

/** It accepts and says nothing, or goes away in the middle of the handshake. */
async function mute(): Promise<void> {
  await using server = await Acceptor.open(undefined)
  await unreachable(server.endpoint, 'handshake_timeout', /in time/)
}

async function resetting(): Promise<void> {
  await using server = await Acceptor.open(undefined, (raw) => raw.once('data', () => raw.resetAndDestroy()))
  await unreachable(server.endpoint, 'handshake_failed', /broke off/)
}

const large = 16 * 1024 * 1024

async function stalledThenSlow(): Promise<void> {
  await using link = await openLink({ mode: 'client' })
  const { lab, plain, peer } = link
  const sent = payload(large)
  peer.socket.pause()
  plain.socket.end(sent.bytes)
  peer.socket.write('still there')
  await plain.received(11)
  assert.ok(lab.tunnel.stats().bytesToPeer < large / 2, 'more was taken than a peer that does not read can get')
  // A little at a time from here on.
  peer.socket.on('data', () => {
    peer.socket.pause()
    setTimeout(() => peer.socket.resume(), 1)
  })
  peer.socket.resume()
  await peer.untilEnded()
  assert.equal(peer.sha256, sent.sha256)
  peer.socket.end()
  assert.equal((await lab.outcome()).outcome, 'completed')
}

test('backend down, resetting, stalled, slow (client mode)', async (t) => {
  await t.test('down, TCP', async () => {
    await unreachable(loopback(await freePort()), 'target_unreachable', /refused/i)
  })
  await t.test('down, the local client on a unix socket', async () => {
    using folder = new Folder()
    await unreachable(loopback(await freePort()), 'target_unreachable', /refused/i, folder.join('s'))
  })
  await t.test('stalled before it accepts', async () => {
    await using server = await StoppedServer.start()
    await unreachable(server.endpoint, 'target_timeout', /in time/)
  })
  await t.test('stalled after it has accepted', mute)
  await t.test('resetting', resetting)
  await t.test('stalled, then slow', stalledThenSlow)
})
