import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { test, type TestContext } from 'node:test'
import { verifyX509Svid } from '../../workload-api/index.js'
import { FakeCa } from '../fakes/fake-ca.js'
import { leafOf, openSpireSource, SpireFolder, workloadId } from '../sidecar/identity/spire-server/spire-identity.js'
import { SpireServerProcess, spireServerMissing } from './spire-server-process.js'

const skip = spireServerMissing ?? false

/** An agent by token with two entries, a decoy first. */
async function prepare(t: TestContext) {
  const server = await SpireServerProcess.start(t)
  const folder = new SpireFolder()
  t.after(() => folder[Symbol.dispose]())
  folder.writeBundle(server)
  const token = await server.createToken('-spiffeID', 'spiffe://example.org/decoy')
  const agentId = server.tokenAgentId(token)
  await server.createEntry(workloadId, agentId)
  folder.writeToken(token)
  return { server, folder, agentId, provider: await folder.openKeys() }
}

test('SPIRE itself: a join token, five renewals of agent and SVID, a restart without token', { skip }, async (t) => {
  const { server, folder, agentId, provider } = await prepare(t)
  const before = await openSpireSource(server, folder, { provider })
  const serials = new Set<string>()
  for (let renewal = 0; renewal < 6; renewal += 1) {
    const update = await before.next()
    verifyX509Svid(update.chain, update.bundles)
    serials.add(leafOf(update).serialNumber)
  }
  assert.ok(serials.size >= 5)
  assert.ok((await server.agentSerial(agentId)) !== '')
  assert.deepEqual(
    before.events.filter(({ advice }) => !/no entry yet/.test(advice)),
    [],
  )
  await before[Symbol.asyncDispose]()
  await using again = await openSpireSource(server, folder, { provider })
  await again.next()
})

test('SPIRE itself: an evicted agent is told what to do, a banned one stops', { skip }, async (t) => {
  const { server, folder, agentId, provider } = await prepare(t)
  await using source = await openSpireSource(server, folder, { provider })
  await source.next()
  await server.ask('agent', 'evict', '-spiffeID', agentId)
  const going = source.goOn()
  await source.told(/it was evicted; write the token/)
  const token = await server.createToken()
  await server.createEntry(workloadId, server.tokenAgentId(token))
  folder.writeToken(token)
  assert.ok((await going).value)
  await server.ask('agent', 'ban', '-spiffeID', server.tokenAgentId(token))
  const banned = source.goOn()
  await source.told(/the server has banned/)
  await source[Symbol.asyncDispose]()
  await banned
})

test(
  'SPIRE itself: restarted with its keys it is found again; without them the bundle is called stale',
  { skip },
  async (t) => {
    const { server, folder, provider } = await prepare(t)
    await using source = await openSpireSource(server, folder, { provider })
    await source.next()
    await server.stop()
    const going = source.goOn()
    await source.told(/no SPIRE server answers/)
    await server.start()
    assert.ok((await going).value)
    await server.stop()
    server.loseKeys()
    await server.start()
    const stale = source.goOn()
    await source.told(/bundle stale/)
    folder.writeBundle(server)
    // The server keeps the authority it lost the key of in its bundle: the agent is still known by it.
    const { value } = await stale
    assert.ok(value)
    verifyX509Svid(value.chain, value.bundles)
  },
)

for (const keyType of ['ec-p256', 'rsa-2048'] as const) {
  test(`SPIRE itself: x509pop with a key of type ${keyType}, attested again at half life`, { skip }, async (t) => {
    const ca = FakeCa.create('devices.test')
    const issued = ca.issue('/device', { keyType })
    const server = await SpireServerProcess.start(t, { caBundle: ca.certificatePem })
    const folder = new SpireFolder()
    t.after(() => folder[Symbol.dispose]())
    folder.writeBundle(server)
    writeFileSync(folder.join('device.pem'), issued.chainPem)
    writeFileSync(folder.join('device.key'), issued.keyPem)
    const agentId = `spiffe://example.org/spire/agent/x509pop/${createHash('sha1').update(issued.certificate).digest('hex')}`
    await server.createEntry(workloadId, agentId)
    const certificatePath = folder.join('device.pem')
    const key = { path: folder.join('device.key') }
    await using source = await openSpireSource(server, folder, {
      config: { attestation: { type: 'x509pop', mode: 'external_pki', certificatePath, key } },
    })
    await source.next()
    const serial = await server.agentSerial(agentId)
    while ((await server.agentSerial(agentId)) === serial) await source.next()
    assert.deepEqual(
      source.events.filter(({ advice }) => !/no entry yet/.test(advice)),
      [],
    )
  })
}
