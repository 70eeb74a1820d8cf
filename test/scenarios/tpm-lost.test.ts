import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Swtpm, swtpmMissing } from '../devices/swtpm.js'
import { EchoBackend, exchange, hold, peerOptions, prepareLab, runLab, serverTunnel } from './lab.js'
import { freePort, until } from './running-sidecar.js'

const skip = swtpmMissing ?? false

/** A server tunnel whose key is in a TPM, with a connection held open through it. */
async function startOnTpm(t: TestContext) {
  const tpm = await Swtpm.start()
  t.after(() => tpm.remove())
  const plain = prepareLab(t, ['peer'])
  const keys = `key_provider "tpm" {
  type              = "Tpm"
  tcti              = "${tpm.tcti}"
  key_store_dir     = "${tpm.keyStore()}"
  operation_timeout = "500ms"
}
shutdown_timeout = "3s"
`
  const preamble = keys + plain.preamble.replace('identity "server" {', 'identity "server" {\n  key_provider = "tpm"')
  const backend = await EchoBackend.start(t)
  const port = await freePort()
  const lab = { ...plain, preamble }
  const sidecar = runLab(t, lab, serverTunnel('web', { listen: port, target: backend.port }, ['peer']))
  const status = await sidecar.ready()
  assert.equal(status.identities[0]?.svid?.residency, 'generated in Tpm')
  const peer = await peerOptions(lab, 'peer')
  const held = await hold(t, port, peer)
  const echo = (text: string) =>
    new Promise<string>((resolve) => {
      held.once('data', (chunk) => resolve(String(chunk)))
      held.write(text)
    })
  return { tpm, sidecar, port, peer, echo }
}

test(
  'a TPM that is killed: new handshakes are refused and counted, readiness is false with the reason, established connections live on, and all is well when it is back',
  { skip },
  async (t) => {
    const { tpm, sidecar, port, peer, echo } = await startOnTpm(t)
    await tpm.kill()
    await until('a handshake was refused', async () => ('refused' in (await exchange(port, peer)) ? true : undefined))
    const lost = await sidecar.statusWhere('the device is lost', ({ ready }) => !ready)
    assert.match(lost.problems.join('\n'), /^the device of key provider "tpm" is lost: ./m)
    assert.equal(lost.keyProviders.find(({ name }) => name === 'tpm')?.state, 'lost')
    assert.ok((lost.tunnels[0]?.outcomes['signer_failed'] ?? 0) > 0)
    assert.equal(await echo('while lost'), 'while lost')
    await tpm.start()
    await sidecar.ready()
    assert.deepEqual(await exchange(port, peer), { echoed: 'ping' })
    assert.equal(await echo('and after'), 'and after')
  },
)

test('a TPM that was replaced has none of the keys: a new key and SVID are made by itself', { skip }, async (t) => {
  const { tpm, sidecar, port, peer } = await startOnTpm(t)
  const before = (await sidecar.status()).identities[0]?.svid?.serialNumber
  await tpm.replace()
  await until('a handshake is served by a new SVID', async () => {
    const served = 'echoed' in (await exchange(port, peer))
    const { identities } = await sidecar.status()
    return served && identities[0]?.svid?.serialNumber !== before ? true : undefined
  })
  const after = await sidecar.ready()
  assert.equal(after.identities[0]?.svid?.residency, 'generated in Tpm')
})

test('SIGTERM ends the process in shutdown_timeout although the TPM does not answer', { skip }, async (t) => {
  const { tpm, sidecar, port, peer } = await startOnTpm(t)
  tpm.suspend()
  void exchange(port, peer)
  const asked = Date.now()
  await sidecar.stop()
  assert.ok(Date.now() - asked < 3000 + 3000, `took ${Date.now() - asked} ms`)
})
