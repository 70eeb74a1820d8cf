import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { FakeSpireServer } from '../fakes/fake-spire-server/fake-spire-server.js'
import { SoftHsm, softHsmMissing } from '../devices/softhsm.js'
import { freePort, RunningSidecar, temporaryFolder, until } from './running-sidecar.js'

const workloadId = 'spiffe://example.org/edge/eventbus'
let started: SoftHsm | undefined
after(() => started?.remove())

/** A file whose one identity comes from the server, its keys in a new token. */
async function prepare(t: TestContext, label: string) {
  const server = await FakeSpireServer.start()
  t.after(() => server.stop())
  const folder = temporaryFolder(t)
  const hsm = (started ??= new SoftHsm())
  hsm.initToken(label)
  const settings = Object.entries(hsm.settings(label, { key_store_dir: join(folder, 'keys') }))
  const token = server.registry.createToken()
  const agentId = server.registry.tokenAgentId(token)
  server.registry.createEntry('spiffe://example.org/decoy', agentId)
  const entry = server.registry.createEntry(workloadId, agentId)
  writeFileSync(join(folder, 'token'), token)
  writeFileSync(join(folder, 'bundle.pem'), server.authority.bundlePem)
  const file = `
state_dir = "${join(folder, 'state')}"
key_provider "hsm" {
  type = "Pkcs11"
${settings.map(([key, value]) => `  ${key} = ${JSON.stringify(value)}`).join('\n')}
}
identity "eventbus" {
  source            = "spire-server"
  server_address    = "127.0.0.1:${server.address.port}"
  trust_bundle_path = "${join(folder, 'bundle.pem')}"
  attestation "join_token" { token_file = "${join(folder, 'token')}" }
  spiffe_id         = "${workloadId}"
  key_provider      = "hsm"
  poll_interval     = "1s"
}
tunnel "t" {
  mode = "server"
  listen = "127.0.0.1:${await freePort()}"
  target = "127.0.0.1:9"
  allow { ids = ["${workloadId}"] }
}
`
  return { server, folder, hsm, label, file, agentId, entry }
}

test(
  'a key generated in a token has an SVID straight from the SPIRE server, and a restart needs no token',
  { skip: softHsmMissing ?? false },
  async (t) => {
    const { server, folder, hsm, label, file } = await prepare(t, 'spire-1')
    const sidecar = new RunningSidecar(t, folder, 'one', file)
    const status = await sidecar.ready()
    assert.equal(status.identities[0]?.svid?.spiffeId, workloadId)
    assert.equal(status.identities[0]?.svid?.residency, 'generated in Pkcs11')
    assert.match(hsm.tool(label, ['--list-objects', '--type', 'privkey']), /never extractable/)
    assert.ok(!readdirSync(folder).includes('token'))
    await sidecar.stop()
    const again = new RunningSidecar(t, folder, 'two', file)
    await again.ready()
    assert.equal(server.calls.filter((name) => name === 'AttestAgent').length, 1)
    await again.stop()
    for (const name of readdirSync(join(folder, 'state', 'eventbus'))) {
      if (name === 'channel') continue
      assert.doesNotMatch(readFileSync(join(folder, 'state', 'eventbus', name), 'latin1'), /PRIVATE KEY/)
    }
  },
)

test('status says what an identity waits for', { skip: softHsmMissing ?? false }, async (t) => {
  const { server, folder, file, entry } = await prepare(t, 'spire-2')
  server.registry.deleteEntry(entry)
  const sidecar = new RunningSidecar(t, folder, 'one', file)
  const problem = await until('the advice', async () => {
    const status = await sidecar.status().catch(() => undefined)
    return status?.identities[0]?.problem
  })
  assert.match(problem.advice, /spire-server entry create -parentID spiffe:\/\/example\.org\/spire\/agent\/join_token/)
  server.registry.entries.push(entry)
  await sidecar.ready()
  await sidecar.stop()
})
