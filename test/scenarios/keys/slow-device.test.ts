import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { FaultyModule } from '../../devices/faulty-module.js'
import { SoftHsm, softHsmMissing } from '../../devices/softhsm.js'
import { exchange, hold } from '../lab.js'
import { until } from '../running-sidecar.js'
import { keyProviderBlock, runKeyLab, signerFailures, theTunnel } from './lab-with-keys.js'
import { percentile, RoundTrips } from './round-trips.js'

const skip = softHsmMissing ?? false
const signatureMs = 300
const newConnections = 8
let hsm: SoftHsm | undefined
after(() => hsm?.remove())

function newToken(label: string) {
  hsm ??= new SoftHsm()
  hsm.initToken(label)
  const module = new FaultyModule(hsm)
  return { module, settings: hsm.settings(label, { module: module.path }) }
}

test(
  'while a device sleeps 300 ms per signature, round trips on established connections do not',
  { skip },
  async (t) => {
    const { module, settings } = newToken('slow')
    const { sidecar, port, peer } = await runKeyLab(t, { keyProvider: keyProviderBlock('Pkcs11', settings) })
    const trips = new RoundTrips(await hold(t, port, peer))
    module.fail({ C_Sign: `sleep:${signatureMs}` })
    const handshakes = Array.from({ length: newConnections }, () => exchange(port, peer))
    await until('handshakes wait for the device', async () =>
      theTunnel(await sidecar.status()).handshaking > 1 ? true : undefined,
    )
    trips.take()
    // One after the other they wait for the device, and all of them get their signature.
    for (const ended of await Promise.all(handshakes)) assert.deepEqual(ended, { echoed: 'ping' })
    const times = trips.take()
    module.mend()
    await trips.stop()
    t.diagnostic(`${times.length} round trips, p50/p99 ${percentile(times, 0.5)}/${percentile(times, 0.99)} ms`)
    assert.ok(times.length > 20)
    // Whatever else the machine does, half of them are not held up by it.
    assert.ok(percentile(times, 0.5) < signatureMs / 3)
    assert.ok(percentile(times, 0.99) < signatureMs)
  },
)

test('a module that hangs in a signature: SIGTERM still ends in shutdown_timeout', { skip }, async (t) => {
  const { module, settings } = newToken('hanging')
  t.after(() => module.mend())
  const keyProvider = keyProviderBlock('Pkcs11', { ...settings, operation_timeout: '500ms' })
  const { sidecar, port, peer } = await runKeyLab(t, { keyProvider, top: 'shutdown_timeout = "1500ms"' })
  await hold(t, port, peer)
  module.fail({ C_Sign: 'hang' })
  assert.ok('refused' in (await exchange(port, peer)))
  await sidecar.statusWhere('the device is lost', (now) => !now.ready && signerFailures(now) > 0)
  const asked = performance.now()
  // A thread in a native call cannot be ended, and the process' own exit would wait for it.
  assert.equal(await sidecar.stop(), null)
  assert.ok(performance.now() - asked < 10_000)
})
