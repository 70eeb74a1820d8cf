import assert from 'node:assert/strict'
import { existsSync, mkdirSync, openSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { createHash } from 'node:crypto'
import {
  generatePrivateKey,
  openMemoryProvider,
  ParsecError,
  type Provider,
  type SigningKeyType,
} from '../../../../parsec-core/index.js'
import { parseSpiffeId, verifyX509Svid } from '../../../../workload-api/index.js'
import { FakeCa } from '../../../fakes/fake-ca.js'
import { fakeSvid, FakeWorkloadApi } from '../../../fakes/fake-workload-api.js'
import { leafOf, openSpireSource, workloadId, type SpireFolder } from './spire-identity.js'
import { openSpireLab } from './spire-lab.js'

test('a join token buys an agent, the agent an SVID for a key made in the provider, and the token is then removed', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  await using source = await openSpireSource(server, folder)
  const update = await source.next()
  assert.equal(verifyX509Svid(update.chain, update.bundles).id, parseSpiffeId(workloadId))
  assert.ok(leafOf(update).publicKey.equals(update.signer.publicKey))
  assert.equal(update.hint, 'the one')
  assert.equal(existsSync(folder.tokenFile), false)
  assert.equal(statSync(folder.stateDir).mode & 0o777, 0o700)
  assert.deepEqual(source.events, [])
  assert.deepEqual(
    [...new Set(server.calls)],
    ['GetBundle', 'AttestAgent', 'SyncAuthorizedEntries', 'BatchNewX509SVID'],
  )
})

test('the join token is removed only after the state is on disk', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  mkdirSync(folder.stateDir, { recursive: true })
  // A folder in the place of the file: no state can be written.
  mkdirSync(folder.join('state/eventbus/agent.json'))
  await using source = await openSpireSource(server, folder)
  const going = source.goOn()
  await source.told(/the state of the agent cannot be kept/)
  assert.ok(existsSync(folder.tokenFile))
  assert.ok(!server.calls.includes('AttestAgent'), 'a token was spent on what could not be kept')
  await source[Symbol.asyncDispose]()
  await going
})

test('a token file that cannot be removed, as on a read-only mount, is a warning', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  // The descriptor of a file that is open: readable, and nobody can unlink it.
  const tokenFile = `/proc/self/fd/${openSync(folder.tokenFile, 'r')}`
  await using source = await openSpireSource(server, folder, {
    config: { attestation: { type: 'join_token', tokenFile } },
  })
  await source.next()
  assert.ok(source.warnings.some((text) => /the spent join token .* could not be removed/.test(text)))
})

test('the request for the certificate is read back and verified before a token is spent', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  const provider = await brokenSigner()
  await using source = await openSpireSource(server, folder, { provider })
  const going = source.goOn()
  await source.until(() => source.events.length > 0)
  assert.ok(source.events[0]?.error instanceof ParsecError)
  assert.ok(!server.calls.includes('AttestAgent'))
  assert.ok(existsSync(folder.tokenFile))
  await source[Symbol.asyncDispose]()
  await going
})

for (const state of ['used', 'expired'] as const) {
  test(`a join token that was ${state} is told with what to do, is not asked with again, and a new one heals it without restart`, async () => {
    await using lab = await openSpireLab()
    const { server, folder, agentId } = lab
    const token = agentId.slice(agentId.lastIndexOf('/') + 1)
    if (state === 'used') server.registry.takeToken(token)
    else server.registry.tokens.set(token, 'expired')
    await using source = await openSpireSource(server, folder)
    const going = source.goOn()
    await source.told(/does not take the join token.*spire-server token generate/)
    await source.until(() => source.events.length > 0)
    assert.equal(server.calls.filter((name) => name === 'AttestAgent').length, 1)
    const next = server.registry.createToken()
    server.registry.createEntry(workloadId, server.registry.tokenAgentId(next))
    folder.writeToken(next)
    assert.ok((await going).value)
    assert.equal(server.calls.filter((name) => name === 'AttestAgent').length, 2)
  })
}

test('without a token file it says where one belongs', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  await using source = await openSpireSource(server, folder, {
    config: { attestation: { type: 'join_token', tokenFile: folder.join('none') } },
  })
  const going = source.goOn()
  await source.told(/no usable join token: write the token of "spire-server token generate" to .*none/)
  await source[Symbol.asyncDispose]()
  await going
})

test('keys that are forgotten make each start need a token, which is a warning', async () => {
  await using lab = await openSpireLab()
  await using source = await openSpireSource(lab.server, lab.folder)
  await source.next()
  assert.ok(source.warnings.some((text) => /each start needs a new join token/.test(text)))
})

/** A certificate of an authority of one's own, its key in a file. */
function writeCertificate(folder: SpireFolder, keyType: 'ec-p256' | 'ec-p384' | 'rsa-2048') {
  const issued = FakeCa.create('devices.test').issue('/device', { keyType })
  writeFileSync(folder.join('device.pem'), issued.chainPem)
  writeFileSync(folder.join('device.key'), issued.keyPem)
  const fingerprint = createHash('sha1').update(issued.certificate).digest('hex')
  return `spiffe://example.org/spire/agent/x509pop/${fingerprint}`
}

for (const keyType of ['ec-p256', 'ec-p384', 'rsa-2048'] as const) {
  test(`x509pop proves the possession of a key of type ${keyType} in a file`, async () => {
    await using lab = await openSpireLab()
    const { server, folder } = lab
    server.registry.createEntry(workloadId, writeCertificate(folder, keyType))
    await using source = await openSpireSource(server, folder, { config: { attestation: possession(folder) } })
    assert.ok((await source.next()).chain.length > 0)
    assert.deepEqual(source.events, [])
  })
}

function possession(folder: SpireFolder) {
  return {
    type: 'x509pop',
    mode: 'external_pki',
    certificatePath: folder.join('device.pem'),
    key: { path: folder.join('device.key') },
  } as const
}

for (const keyType of ['ec-p256', 'rsa-2048'] as const satisfies readonly SigningKeyType[]) {
  test(`x509pop proves the possession of a key of type ${keyType} in a provider`, async () => {
    await using lab = await openSpireLab()
    const { server, folder } = lab
    const provider = await openMemoryProvider('keys')
    const name = { applicationIdentity: 'svidecar/operator', keyName: 'device' }
    const { publicKey } = await generatePrivateKey(provider, name, keyType)
    const { chain } = await server.authority.sign('spiffe://example.org/device', publicKey, 60_000)
    const [der = Buffer.alloc(0)] = chain
    writeFileSync(
      folder.join('device.pem'),
      `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`,
    )
    const agentId = `spiffe://example.org/spire/agent/x509pop/${createHash('sha1').update(der).digest('hex')}`
    server.registry.createEntry(workloadId, agentId)
    const attestation = { ...possession(folder), key: { keyProvider: 'keys', keyName: 'device' } }
    await using source = await openSpireSource(server, folder, { provider, config: { attestation } })
    await source.next()
    assert.deepEqual(source.events, [])
  })
}

test('x509pop with a key of another certificate is refused before the server is asked', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  writeCertificate(folder, 'ec-p256')
  writeFileSync(folder.join('device.key'), FakeCa.create('other.test').issue('/other').keyPem)
  await using source = await openSpireSource(server, folder, { config: { attestation: possession(folder) } })
  const going = source.goOn()
  await source.told(/check the files and keys of the attestation block/)
  assert.ok(!server.calls.includes('AttestAgent'))
  await source[Symbol.asyncDispose]()
  await going
})

test('x509pop in mode "spiffe" attests with the SVID that the agent on this host gives', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  server.parts.exchangePrefix = '/spire-exchange/'
  server.registry.createEntry(workloadId, 'spiffe://example.org/spire/agent/x509pop/edge-1')
  const ca = FakeCa.create('example.org')
  const exchange = fakeSvid(ca, ca.issue('/spire-exchange/edge-1'), '/spire-exchange/edge-1')
  const other = fakeSvid(ca, ca.issue('/other'), '/other')
  await using agent = await FakeWorkloadApi.start(folder.join('agent.sock'), { svids: [other, exchange] })
  const attestation = {
    type: 'x509pop',
    mode: 'spiffe',
    agentAddress: `unix:${agent.path}`,
    spiffeId: undefined,
  } as const
  await using source = await openSpireSource(server, folder, { config: { attestation } })
  await source.next()
  assert.deepEqual(source.events, [])
  assert.equal(server.registry.agents.get('spiffe://example.org/spire/agent/x509pop/edge-1')?.canReattest, true)
})

test('an attestor the server does not have is told', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  writeCertificate(folder, 'ec-p256')
  server.parts.attestors = ['join_token']
  await using source = await openSpireSource(server, folder, { config: { attestation: possession(folder) } })
  const going = source.goOn()
  await source.told(/does it have the node attestor "x509pop"/)
  await source[Symbol.asyncDispose]()
  await going
})

test('x509pop attests again at half life, since the server refuses to renew it', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  server.registry.createEntry(workloadId, writeCertificate(folder, 'ec-p256'))
  server.authority.agentTtlMs = 3000
  await using source = await openSpireSource(server, folder, { config: { attestation: possession(folder) } })
  await source.next()
  const going = source.goOn()
  await server.called('AttestAgent', 2)
  assert.ok(!server.calls.includes('RenewAgent'))
  assert.deepEqual(source.events, [])
  await source[Symbol.asyncDispose]()
  await going
})

/** A provider whose device signs rubbish. */
async function brokenSigner(): Promise<Provider> {
  const provider = await openMemoryProvider('broken')
  Object.defineProperty(provider, 'psaSignMessage', { value: async () => Buffer.alloc(64, 1) })
  return provider
}
