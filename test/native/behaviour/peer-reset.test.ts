import assert from 'node:assert/strict'
import { test } from 'node:test'

import { clientHello } from './client-hello.js'
import { Acceptor, dial, openLink, type PlaintextKind } from './link.js'
import { Recording } from './recording.js'
import { modes, type Mode, TunnelLab, untilTrue } from './tunnel-lab.js'

async function resetWhileOpen(mode: Mode, plaintext: PlaintextKind): Promise<void> {
  await using link = await openLink({ mode, plaintext })
  const { plain, peer, raw, lab } = link
  peer.socket.write('hello')
  plain.socket.write('hello')
  await Promise.all([plain.received(5), peer.received(5)])
  raw.resetAndDestroy()
  if (plaintext === 'tcp') {
    await plain.untilClosed()
    assert.deepEqual([plain.ended, plain.error?.code], [false, 'ECONNRESET'])
  } else {
    await plain.untilEnded()
    await new Promise((resolve) => plain.socket.write('is anybody there?', resolve))
    assert.equal(plain.error?.code, 'EPIPE')
  }
  const { outcome, decision, reason, bytesFromPeer, bytesToPeer } = await lab.outcome()
  assert.deepEqual([outcome, decision, bytesFromPeer, bytesToPeer], ['peer_reset', 'allowed', 5, 5])
  assert.match(reason, /reset by peer/i)
  assert.deepEqual([lab.counted('peer_reset'), lab.tunnel.stats().active], [1, 0])
}

/** After its hello, before anything of its own that would prove who it is. */
async function clientResetsDuringHandshake(): Promise<void> {
  await using backend = await Acceptor.open(undefined)
  await using lab = await TunnelLab.open({ mode: 'server', target: backend.endpoint })
  const raw = dial({ host: '127.0.0.1', port: lab.port })
  raw.write(await clientHello())
  raw.once('data', () => raw.resetAndDestroy())
  const { outcome, decision, reason } = await lab.outcome()
  assert.deepEqual([outcome, decision], ['handshake_failed', 'denied'])
  assert.match(reason, /broke off/)
  assert.equal(backend.sockets.length, 0, 'the backend saw a connection')
}

async function serverResetsDuringHandshake(): Promise<void> {
  await using server = await Acceptor.open(undefined, (raw) => raw.once('data', () => raw.resetAndDestroy()))
  await using lab = await TunnelLab.open({ mode: 'client', target: server.endpoint })
  const plain = new Recording(dial({ host: '127.0.0.1', port: lab.port }))
  await plain.untilClosed()
  assert.deepEqual([plain.bytes, plain.ended, plain.error?.code], [0, false, 'ECONNRESET'])
  const { outcome, decision, reason } = await lab.outcome()
  assert.deepEqual([outcome, decision], ['handshake_failed', 'denied'])
  assert.match(reason, /broke off/)
  await untilTrue('nothing is left', () => lab.tunnel.connections(1).length === 0)
}

const duringHandshake = { server: clientResetsDuringHandshake, client: serverResetsDuringHandshake }

for (const mode of modes) {
  test(`peer resetting (${mode} mode)`, async (t) => {
    await t.test('an open connection, to TCP', () => resetWhileOpen(mode, 'tcp'))
    await t.test('an open connection, to unix', () => resetWhileOpen(mode, 'unix'))
    await t.test('during the handshake', duringHandshake[mode])
  })
}
