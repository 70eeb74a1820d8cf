import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Swtpm, swtpmMissing } from '../../devices/swtpm.js'
import { hold } from '../lab.js'
import { until } from '../running-sidecar.js'
import { HandshakeFlood } from './handshake-flood.js'
import { keyProviderBlock, runKeyLab, theTunnel } from './lab-with-keys.js'
import { stopTpmUnderLoad } from './stopped-swtpm.js'

const skip = swtpmMissing ?? false
const shutdownMs = 1500
/** Of the process' own end behind it, on a machine that is busy. */
const lenienceMs = 8000

test(
  'swtpm stopped (SIGSTOP) at 200 new handshakes a second: established connections flat, threads bounded, and it recovers',
  { skip },
  (t) => stopTpmUnderLoad(t, { stoppedMs: 3000, operationTimeout: '1s', perSecond: 200 }),
)

test('swtpm stopped under new handshakes: SIGTERM still ends in shutdown_timeout', { skip }, async (t) => {
  const tpm = await Swtpm.start()
  t.after(() => tpm.remove())
  const keyProvider = keyProviderBlock('Tpm', { tcti: tpm.tcti, operation_timeout: '30s' })
  const { sidecar, port, peer } = await runKeyLab(t, { keyProvider, top: `shutdown_timeout = "${shutdownMs}ms"` })
  // It would be waited for as long as it may.
  await hold(t, port, peer)
  tpm.suspend()
  await using _flood = await HandshakeFlood.start({ port, peer, perSecond: 50 })
  await until('handshakes wait for the TPM', async () =>
    theTunnel(await sidecar.status()).handshaking > 30 ? true : undefined,
  )
  const asked = performance.now()
  await sidecar.stop()
  const tookMs = performance.now() - asked
  assert.ok(tookMs < shutdownMs + lenienceMs, `it took ${tookMs} ms`)
  t.diagnostic(`ended ${Math.round(tookMs)} ms after SIGTERM`)
})
