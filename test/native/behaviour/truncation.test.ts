import assert from 'node:assert/strict'
import { test } from 'node:test'

import { openLink, type PlaintextKind } from './link.js'
import { payload } from './recording.js'
import { modes, type Mode, untilTrue } from './tunnel-lab.js'

/** The peer's bytes end as they would if somebody on the way had cut them off. */
async function truncated(mode: Mode, plaintext: PlaintextKind): Promise<void> {
  await using link = await openLink({ mode, plaintext })
  const { plain, lab } = link
  link.peer.socket.write('half a reque')
  await plain.received(12)
  link.raw.end()
  if (plaintext === 'tcp') {
    await plain.untilClosed()
    assert.deepEqual([plain.ended, plain.error?.code], [false, 'ECONNRESET'], 'a cut must not look like an end')
  } else {
    await plain.untilEnded()
    await new Promise((resolve) => plain.socket.write('is anybody there?', resolve))
    assert.equal(plain.error?.code, 'EPIPE', 'the other direction is closed too')
  }
  const { outcome, decision, reason, bytesFromPeer } = await lab.outcome()
  assert.deepEqual([outcome, decision, bytesFromPeer], ['truncated', 'allowed', 12])
  assert.match(reason, /without close_notify/)
  assert.equal(lab.counted('truncated'), 1)
}

/** The other side has not read yet when the end comes. */
async function handedOn(mode: Mode, plaintext: PlaintextKind): Promise<void> {
  await using link = await openLink({ mode, plaintext })
  const { plain, lab } = link
  const sent = payload(1024 * 1024)
  plain.socket.pause()
  await new Promise((resolve) => link.peer.socket.write(sent.bytes, resolve))
  link.raw.end()
  await untilTrue('the tunnel to be held back or done', () => lab.tunnel.stats().bytesFromPeer > 100_000)
  plain.socket.resume()
  await plain.received(sent.bytes.length)
  assert.deepEqual([plain.bytes, plain.sha256], [sent.bytes.length, sent.sha256])
  const { outcome, bytesFromPeer } = await lab.outcome()
  assert.deepEqual([outcome, bytesFromPeer], ['truncated', sent.bytes.length])
}

for (const mode of modes) {
  test(`EOF without close_notify, to a TCP and to a unix backend (${mode} mode)`, async (t) => {
    await t.test('TCP: reset', () => truncated(mode, 'tcp'))
    await t.test('unix: both directions closed at once', () => truncated(mode, 'unix'))
    await t.test('TCP: what was received is handed on', () => handedOn(mode, 'tcp'))
    await t.test('unix: what was received is handed on', () => handedOn(mode, 'unix'))
  })
}
