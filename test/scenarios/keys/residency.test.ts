import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { SoftHsm, softHsmMissing } from '../../devices/softhsm.js'
import { Swtpm, swtpmMissing } from '../../devices/swtpm.js'
import { exchange } from '../lab.js'
import { freePort, svidecar } from '../running-sidecar.js'
import { keyProviderBlock, runKeyLab } from './lab-with-keys.js'

let hsm: SoftHsm | undefined
after(() => hsm?.remove())

/** How the block of each type is written, on a device that was started for it. */
const devices = {
  Pkcs11: {
    skip: softHsmMissing ?? false,
    start: async () => {
      hsm ??= new SoftHsm()
      const label = `residency-${hsm.serials().length}`
      hsm.initToken(label)
      return { settings: hsm.settings(label), remove: async () => undefined }
    },
  },
  Tpm: {
    skip: swtpmMissing ?? false,
    start: async () => {
      const tpm = await Swtpm.start()
      return { settings: { tcti: tpm.tcti }, remove: () => tpm.remove() }
    },
  },
} as const

for (const [type, { skip, start }] of Object.entries(devices)) {
  for (const [imported, residency] of [
    [false, `generated in ${type}`],
    [true, `imported into ${type}`],
  ] as const) {
    test(`"${residency}" is what status, metrics, audit, log and the list of keys say`, { skip }, async (t) => {
      const { settings, remove } = await start()
      t.after(remove)
      const metricsPort = await freePort()
      const { sidecar, port, peer } = await runKeyLab(t, {
        keyProvider: keyProviderBlock(type, settings),
        top: `metrics { listen = "127.0.0.1:${metricsPort}" }`,
        imported,
      })
      assert.deepEqual(await exchange(port, peer), { echoed: 'ping' })
      assert.equal((await sidecar.status()).identities[0]?.svid?.residency, residency)
      const text = await svidecar(['status', '--config', sidecar.configFile])
      assert.match(text.stdout, new RegExp(`^server .*${residency}`, 'mu'))
      const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
      assert.ok(
        metrics.includes(`svidecar_identity_svid_not_after_seconds{identity="server",residency="${residency}"}`),
      )
      assert.ok(metrics.includes(`svidecar_key_provider_ready{provider="device",type="${type}"} 1`))
      const begun = await sidecar.line('the SVID', ({ message }) => message === 'SVID in use')
      assert.equal(begun['residency'], residency)
      const audited = await sidecar.line('the connection', ({ message }) => message === 'connection')
      assert.equal(audited['residency'], residency)
      const keys = await svidecar(['keys', 'list', '--json', '--config', sidecar.configFile])
      const [key] = JSON.parse(keys.stdout) as readonly Readonly<Record<string, unknown>>[]
      assert.deepEqual([key?.['residency'], key?.['identity']], [residency, 'svidecar/identity/server'])
    })
  }
}
