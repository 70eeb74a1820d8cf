import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseTrustDomain, SpiffeBundle, verifyX509Svid } from '../../../../workload-api/index.js'
import { FakeCa } from '../../../fakes/fake-ca.js'
import { leafOf, openSpireSource } from './spire-identity.js'
import { openSpireLab } from './spire-lab.js'

const trustDomain = parseTrustDomain('example.org')

test('the bundle to begin with may be in the JSON of SPIFFE', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  const x509Authorities = server.authority.bundle.map(({ der }) => der)
  writeFileSync(folder.bundleFile, new SpiffeBundle(trustDomain, { x509Authorities }).marshal())
  await using source = await openSpireSource(server, folder)
  await source.next()
})

test('who answers with another ID of the trust domain is not the server', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  await server.renewCertificate('/edge/impostor')
  await using source = await openSpireSource(server, folder)
  const going = source.goOn()
  await source.told(/is not spiffe:\/\/example\.org\/spire\/server/)
  assert.deepEqual(server.calls, [])
  await source[Symbol.asyncDispose]()
  await going
})

test('the same once attested: the connection of the agent knows the server by its ID too', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  await using source = await openSpireSource(server, folder)
  await source.next()
  const calls = server.calls.length
  await server.renewCertificate('/edge/impostor')
  const going = source.goOn()
  await source.told(/is not spiffe:\/\/example\.org\/spire\/server/)
  assert.ok(server.calls.length <= calls + 2)
  await source[Symbol.asyncDispose]()
  await going
})

test('a stale bundle is called that, and another one in its place is begun with, without restart', async () => {
  await using lab = await openSpireLab()
  const { server, folder, agentId } = lab
  await server.authority.loseKeys()
  await server.renewCertificate()
  await using source = await openSpireSource(server, folder)
  const going = source.goOn()
  await source.told(/bundle stale: .*spire-server bundle show/)
  folder.writeBundle(server)
  assert.ok((await going).value)
  assert.ok(server.registry.agents.has(agentId))
})

test('a server that lost its CA keys: the bundle held is called stale, and with a new bundle and a new token it goes on', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  await using source = await openSpireSource(server, folder)
  await source.next()
  await server.authority.loseKeys()
  await server.renewCertificate()
  const going = source.goOn()
  await source.told(/bundle stale/)
  folder.writeBundle(server)
  await source.told(/spire-server token generate/)
  const token = server.registry.createToken()
  server.registry.createEntry('spiffe://example.org/edge/eventbus', server.registry.tokenAgentId(token))
  folder.writeToken(token)
  const { value } = await going
  assert.ok(value)
  verifyX509Svid(value.chain, value.bundles)
})

test('a server restarted with its keys is found again without a word from anybody', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  await using source = await openSpireSource(server, folder)
  await source.next()
  await server.stop()
  const going = source.goOn()
  await source.told(/no SPIRE server answers/)
  await server.listen()
  await source.until(() => source.recoveries > 0)
  await source[Symbol.asyncDispose]()
  await going
})

test('a rotated CA comes with the next look, is kept on disk, and the SVID in use stays', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  await using source = await openSpireSource(server, folder)
  const first = await source.next()
  await server.authority.rotate()
  const second = await source.next()
  assert.equal(leafOf(first).serialNumber, leafOf(second).serialNumber)
  assert.equal(second.bundles.get(trustDomain)?.x509Authorities.length, 2)
  assert.equal(SpiffeBundle.parse(trustDomain, folder.state().bundle).x509Authorities.length, 2)
})

test('an SVID of a tainted authority is replaced at once', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  await using source = await openSpireSource(server, folder)
  const first = await source.next()
  await server.authority.rotate()
  server.authority.taintOld()
  const second = await source.next()
  assert.notEqual(leafOf(first).serialNumber, leafOf(second).serialNumber)
})

test('an entry that federates brings the bundles of the other trust domains; one the server lacks is told', async () => {
  await using lab = await openSpireLab()
  const { server, folder, entry } = lab
  const partner = FakeCa.create('partner.test')
  server.parts.federated.set('partner.test', [partner.certificate])
  entry.federatesWith = ['partner.test', 'absent.test']
  await using source = await openSpireSource(server, folder)
  const { bundles } = await source.next()
  assert.deepEqual([...bundles.keys()], ['example.org', 'partner.test'])
  assert.ok(source.warnings.some((text) => /no bundle of "absent\.test"/.test(text)))
})

test('behind an upstream authority the whole chain is sent, and the SVID has its intermediate', async () => {
  await using lab = await openSpireLab({ nested: true })
  await using source = await openSpireSource(lab.server, lab.folder)
  const update = await source.next()
  assert.equal(update.chain.length, 2)
  verifyX509Svid(update.chain, update.bundles)
  assert.deepEqual(source.events, [])
})

test('a server whose clock is ahead: its SVIDs are waited for and used when they begin', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  // SPIRE dates back by 10 s.
  server.authority.clockAheadMs = 12_000
  await using source = await openSpireSource(server, folder)
  const update = await source.next()
  assert.match(source.events[0]?.advice ?? '', /the clock of this machine is behind/)
  assert.ok(new Date(leafOf(update).validFrom).getTime() <= Date.now())
  assert.equal(server.calls.filter((name) => name === 'AttestAgent').length, 1)
})

test('a server whose clock is 30 s behind gives SVIDs that are used at once', async () => {
  await using lab = await openSpireLab()
  lab.server.authority.clockAheadMs = -30_000
  await using source = await openSpireSource(lab.server, lab.folder)
  await source.next()
  assert.deepEqual(source.events, [])
})

test('unsafe_bootstrap believes what a first probe shows, pins it, and warns', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  await using source = await openSpireSource(server, folder, { config: { trust: { kind: 'first-contact' } } })
  await source.next()
  assert.ok(source.warnings.some((text) => /unsafe_bootstrap: the server was believed unseen/.test(text)))
  await server.authority.loseKeys()
  await server.renewCertificate()
  const going = source.goOn()
  await source.told(/bundle stale: .*remove .* to believe it anew/)
  await source[Symbol.asyncDispose]()
  await going
})

test('a server that is away for longer than an SVID lives is asked on, and found without restart', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  server.authority.svidTtlMs = 1500
  await using source = await openSpireSource(server, folder)
  const first = await source.next()
  await server.stop()
  const going = source.goOn()
  await source.told(/no SPIRE server answers/)
  while (new Date(leafOf(first).validTo).getTime() > Date.now())
    await new Promise((resolve) => setTimeout(resolve, 100))
  await server.listen()
  const { value } = await going
  assert.ok(value)
  verifyX509Svid(value.chain, value.bundles)
})
