import assert from 'node:assert/strict'
import { test } from 'node:test'

import { openLink, type PlaintextKind } from './link.js'
import { payload, type Recording } from './recording.js'
import { modes, type Mode } from './tunnel-lab.js'

const inFlight = 4 * 1024 * 1024

/** `first` sends and ends while the other is still sending; the other ends only when it has seen that end. */
async function halfClose(mode: Mode, plaintext: PlaintextKind, firstIsPeer: boolean): Promise<void> {
  await using link = await openLink({ mode, plaintext })
  const [first, second]: Recording[] = firstIsPeer ? [link.peer, link.plain] : [link.plain, link.peer]
  const [forth, back, late] = [payload(inFlight), payload(inFlight), Buffer.from('said after the other had ended')]
  second!.socket.write(back.bytes)
  first!.socket.end(forth.bytes)
  await second!.untilEnded()
  assert.equal(second!.sha256, forth.sha256)
  await first!.received(inFlight)
  assert.equal(first!.sha256, back.sha256)
  assert.equal(first!.ended, false, 'only one direction has ended')
  second!.socket.end(late)
  await first!.untilEnded()
  assert.equal(first!.bytes, inFlight + late.length)
  await Promise.all([first!.untilClosed(), second!.untilClosed()])
  assert.deepEqual([first!.error, second!.error], [undefined, undefined])
  const { outcome, reason, bytesFromPeer, bytesToPeer } = await link.lab.outcome()
  assert.deepEqual([outcome, reason], ['completed', ''])
  const [sentFirst, sentSecond] = [inFlight, inFlight + late.length]
  assert.deepEqual([bytesFromPeer, bytesToPeer], firstIsPeer ? [sentFirst, sentSecond] : [sentSecond, sentFirst])
  const stats = link.lab.tunnel.stats()
  assert.deepEqual([stats.bytesFromPeer, stats.bytesToPeer], [bytesFromPeer, bytesToPeer])
  assert.deepEqual([stats.active, stats.outcomes.completed], [0, 1])
}

for (const mode of modes) {
  test(`Half-close in each direction with data in flight (${mode} mode)`, async (t) => {
    for (const plaintext of ['tcp', 'unix'] as const) {
      await t.test(`the peer ends first, ${plaintext}`, () => halfClose(mode, plaintext, true))
      await t.test(`the plaintext side ends first, ${plaintext}`, () => halfClose(mode, plaintext, false))
    }
  })
}
