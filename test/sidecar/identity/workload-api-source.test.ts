import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ParsecError, ResponseStatus } from '../../../parsec-core/index.js'
import { FakeCa } from '../../fakes/fake-ca.js'
import { fakeSvid, FakeWorkloadApi } from '../../fakes/fake-workload-api.js'
import { SocketFolder } from '../../workload-api/client/watching.js'
import { FollowedIdentity } from './workload-api-identity.js'

const ca = FakeCa.create('example.org')
const partner = FakeCa.create('partner.org')
const svid = (path: string, hint = '') => fakeSvid(ca, ca.issue(path), path, { hint })
const several = () => ({ svids: [svid('/a'), svid('/b', 'external'), svid('/c', 'internal')] })

async function chosen(choice: { spiffeId?: string; hint?: string }): Promise<string | undefined> {
  await using folder = await SocketFolder.make()
  await using _agent = await FakeWorkloadApi.start(folder.socket, several())
  await using identity = await FollowedIdentity.follow(folder.socket, choice)
  await identity.untilSerial()
  assert.ok(!identity.lines.some(({ message }) => message.includes('takes the first')))
  return identity.managed.status().svid?.spiffeId
}

test('an identity is chosen by its SPIFFE ID, by its hint, or by both', async () => {
  assert.equal(await chosen({ spiffeId: 'spiffe://example.org/b' }), 'spiffe://example.org/b')
  assert.equal(await chosen({ hint: 'internal' }), 'spiffe://example.org/c')
  assert.equal(await chosen({ spiffeId: 'spiffe://example.org/b', hint: 'external' }), 'spiffe://example.org/b')
})

test('without a choice the first of several is taken, with a warning that lists them', async () => {
  await using folder = await SocketFolder.make()
  await using _agent = await FakeWorkloadApi.start(folder.socket, several())
  await using identity = await FollowedIdentity.follow(folder.socket)
  const { level, message } = await identity.untilLine(/takes the first of 3 SVIDs/)
  assert.equal(level, 'warn')
  assert.match(message, /set spiffe_id or hint: "spiffe:\/\/example\.org\/a", "spiffe:\/\/example\.org\/b" \(hint/)
  await identity.untilSerial()
  assert.equal(identity.managed.status().svid?.spiffeId, 'spiffe://example.org/a')
})

for (const [why, choice, offered, error] of [
  [
    'none fits',
    { spiffeId: 'spiffe://example.org/x' },
    several,
    /no SVID for spiffe_id "spiffe:.*\/x"; .*"spiffe:.*\/a"/,
  ],
  [
    'the hint is of another ID',
    { spiffeId: 'spiffe://example.org/a', hint: 'internal' },
    several,
    /offers no SVID for/,
  ],
  [
    'two fit',
    { spiffeId: 'spiffe://example.org/a' },
    () => ({ svids: [svid('/a', 'x'), svid('/a', 'y')] }),
    /offers 2 SVIDs/,
  ],
] as const) {
  test(`when ${why}, what is offered is listed and nothing is used until exactly one fits`, async () => {
    await using folder = await SocketFolder.make()
    await using agent = await FakeWorkloadApi.start(folder.socket, offered())
    await using identity = await FollowedIdentity.follow(folder.socket, choice)
    const line = await identity.untilLine(/set spiffe_id or hint to exactly one/)
    assert.match(line.error!, error)
    assert.equal(identity.managed.status().state, 'waiting')
    agent.say({ svids: [fakeSvid(ca, ca.issue('/x'), '/x'), svid('/a', 'internal')] })
    await identity.untilSerial()
    assert.equal(identity.managed.status().problem, undefined)
  })
}

test('a list of hundreds is cut short', async () => {
  await using folder = await SocketFolder.make()
  const svids = Array.from({ length: 30 }, (_, index) => svid(`/${index}`, `${'h'.repeat(1_000)}${index}`))
  await using _agent = await FakeWorkloadApi.start(folder.socket, { svids })
  await using identity = await FollowedIdentity.follow(folder.socket, { hint: 'none' })
  const { error } = await identity.untilLine(/exactly one/)
  assert.match(error!, /20 more$/)
  assert.ok(error!.length < 3_000)
})

test('the key is held by the provider, and what is shown of it is where it is', async () => {
  await using folder = await SocketFolder.make()
  await using _agent = await FakeWorkloadApi.start(folder.socket, { svids: [svid('/a')] })
  await using identity = await FollowedIdentity.follow(folder.socket)
  await identity.untilSerial()
  const [key, ...others] = identity.provider.listKeys()
  assert.equal(others.length, 0)
  assert.equal(key!.identity.applicationIdentity, 'svidecar/identity/edge')
  assert.equal(key!.origin, 'imported')
  assert.equal(identity.managed.status().svid?.residency, key!.residency)
})

test('the keys are destroyed in the provider when the identity is closed', async () => {
  await using folder = await SocketFolder.make()
  await using agent = await FakeWorkloadApi.start(folder.socket, { svids: [svid('/a')] })
  await using identity = await FollowedIdentity.follow(folder.socket)
  const first = await identity.untilSerial()
  agent.say({ svids: [svid('/a')] })
  await identity.untilSerial(first)
  assert.equal(identity.provider.listKeys().length, 2)
  await identity.managed.close()
  assert.deepEqual(identity.provider.listKeys(), [])
})

test('a change of another SVID changes nothing here, a change of the bundles does', async () => {
  await using folder = await SocketFolder.make()
  const mine = svid('/a')
  await using agent = await FakeWorkloadApi.start(folder.socket, { svids: [mine, svid('/b')] })
  await using identity = await FollowedIdentity.follow(folder.socket, { spiffeId: 'spiffe://example.org/a' })
  await identity.untilSerial()
  agent.say({ svids: [mine, svid('/b')] })
  agent.say({ svids: [mine], federatedBundles: { 'spiffe://partner.org': partner.certificate } })
  await identity.untilLine(/SVID rotated/)
  const { svidsUsed, svid: inUse } = identity.managed.status()
  assert.equal(svidsUsed, 2)
  assert.deepEqual(inUse!.trustDomains, ['example.org', 'partner.org'])
})

test('a provider that cannot take the key is asked again, and the identity comes when it can', async () => {
  await using folder = await SocketFolder.make()
  await using _agent = await FakeWorkloadApi.start(folder.socket, { svids: [svid('/a')] })
  let failures = 1
  await using identity = await FollowedIdentity.follow(folder.socket, {}, (provider) => ({
    ...provider,
    psaImportKey: async (...parameters) => {
      if (failures-- > 0) throw new ParsecError(ResponseStatus.PsaErrorCommunicationFailure, 'the device is gone')
      await provider.psaImportKey!(...parameters)
    },
  }))
  const line = await identity.untilLine(/key provider did not take the key/)
  assert.ok(line.retryInMs! > 0)
  await identity.untilSerial()
  assert.equal(identity.managed.status().problem, undefined)
})

test('an address that is none is refused when the source is made', async () => {
  await assert.rejects(FollowedIdentity.follow('?'), { code: 'ERR_ENDPOINT_ADDRESS_INVALID' })
})
