import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Status } from '../../../sidecar/admin/status.js'
import { Swtpm, swtpmMissing } from '../../devices/swtpm.js'
import { exchange, hold } from '../lab.js'
import { until } from '../running-sidecar.js'
import { type KeyLab, keyProviderBlock, runKeyLab, serialOf, signerFailures } from './lab-with-keys.js'
import { roundTrip } from './round-trips.js'

const skip = swtpmMissing ?? false

async function start(t: TestContext) {
  const tpm = await Swtpm.start()
  t.after(() => tpm.remove())
  const keyProvider = keyProviderBlock('Tpm', { tcti: tpm.tcti, operation_timeout: '2s' })
  const running = await runKeyLab(t, { keyProvider })
  return {
    tpm,
    running,
    held: await hold(t, running.port, running.peer),
    serial: serialOf(await running.sidecar.status()),
  }
}

/** A device nobody asks is not seen to fail: a handshake asks it. */
async function refusedUntil(what: string, { sidecar, port, peer }: KeyLab, accepts: (now: Status) => boolean) {
  return until(what, async () => {
    assert.ok('refused' in (await exchange(port, peer)), 'no new handshake succeeds')
    const now = await sidecar.status()
    return accepts(now) ? now : undefined
  })
}

async function assertServes({ sidecar, port, peer }: KeyLab): Promise<Status> {
  const status = await sidecar.ready()
  assert.deepEqual(await exchange(port, peer), { echoed: 'ping' })
  assert.equal(status.identities[0]?.svid?.residency, 'generated in Tpm')
  return status
}

test(
  'swtpm killed and started again: established connections live on, new handshakes fail with the reason counted, readiness false, and recovery without a restart',
  { skip },
  async (t) => {
    const { tpm, running, held, serial } = await start(t)
    await tpm.kill()
    // A refused connection is counted when its alert is delivered, a moment after its peer has it.
    const isCounted = (now: Status) => !now.ready && signerFailures(now) > 0
    const lost = await refusedUntil('readiness is false and the refusal counted', running, isCounted)
    assert.match(lost.problems.join('\n'), /the device of key provider "device" is lost: .*does not answer/u)
    const refused = await running.sidecar.line('the refusal', ({ outcome }) => outcome === 'signer_failed')
    assert.match(JSON.stringify(refused), /does not answer/u)
    assert.equal(await roundTrip(held), 'still')
    await tpm.start()
    const again = await assertServes(running)
    assert.equal(serialOf(again), serial, 'its key is in the TPM as before')
    assert.equal(await roundTrip(held), 'still')
  },
)

const changes = {
  cleared: async (tpm: Swtpm) => tpm.clear(),
  replaced: (tpm: Swtpm) => tpm.replace(),
} as const

for (const [what, change] of Object.entries(changes)) {
  test(
    `swtpm ${what}: established connections live on, new handshakes fail with the reason counted, readiness false, and a new key and SVID come without a restart`,
    { skip },
    async (t) => {
      const { tpm, running, held, serial } = await start(t)
      // Without it the new key and SVID would be there before anybody could look.
      running.authority.signal('SIGSTOP')
      await change(tpm)
      const isMissing = (now: Status) => now.identities[0]?.state === 'key_missing' && signerFailures(now) > 0
      const gone = await refusedUntil('the key is missing', running, isMissing)
      assert.equal(gone.ready, false)
      assert.match(gone.problems.join('\n'), /identity "server" has an SVID whose key is gone from its device/u)
      const told = await running.sidecar.line('the key', ({ message }) => message === 'a key is gone from its device')
      assert.match(String(told['reason']), /cleared or replaced/u)
      assert.equal(await roundTrip(held), 'still')
      running.authority.signal('SIGCONT')
      const again = await assertServes(running)
      assert.notEqual(serialOf(again), serial)
      assert.equal(await roundTrip(held), 'still')
    },
  )
}
