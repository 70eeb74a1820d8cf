/** What agents do over their life and the sidecar must live with; the same is tried with SPIRE's own in test/interop. */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { test } from 'node:test'
import { status } from '@grpc/grpc-js'
import { FakeCa } from '../../fakes/fake-ca.js'
import { fakeSvid, FakeWorkloadApi, type FakeResponse } from '../../fakes/fake-workload-api.js'
import { SocketFolder } from '../../workload-api/client/watching.js'
import { FollowedIdentity } from './workload-api-identity.js'

const ca = FakeCa.create('example.org')
const partner = FakeCa.create('partner.org')
const good = (path = '/a', hint = ''): FakeResponse => ({ svids: [fakeSvid(ca, ca.issue(path), path, { hint })] })
const denied = { code: status.PERMISSION_DENIED, details: 'no identity issued' }
const uid = process.geteuid?.()

test('`PermissionDenied`: retried with back-off for ever, status says "no identity issued: is there an entry for uid 1000?"', async () => {
  await using folder = await SocketFolder.make()
  await using agent = await FakeWorkloadApi.start(folder.socket, denied)
  await using identity = await FollowedIdentity.follow(folder.socket)
  await agent.untilCalls(12)
  const { state, problem } = identity.managed.status()
  assert.equal(state, 'waiting')
  assert.ok(problem?.advice.startsWith(`no identity issued: is there an entry for uid ${uid}?`), problem?.advice)
  agent.sayToTheNext(good())
  await identity.untilSerial()
  assert.equal(identity.managed.status().problem, undefined)
})

test('agent gone: the last SVID until it expires, then fail closed', async () => {
  await using folder = await SocketFolder.make()
  const notAfter = new Date(Math.ceil(Date.now() / 1000) * 1000 + 2_000)
  const short = { svids: [fakeSvid(ca, ca.issue('/a', { notAfter }), '/a')] }
  await using agent = await FakeWorkloadApi.start(folder.socket, short)
  await using identity = await FollowedIdentity.follow(folder.socket)
  const serial = await identity.untilSerial()
  await agent.stop()
  await identity.untilLine(/no socket .*: is the SPIRE agent running/)
  // Judged at the moments themselves, as the data plane does at each handshake.
  assert.equal(identity.managed.state(notAfter.getTime() - 1_000), 'valid')
  assert.equal(identity.managed.state(notAfter.getTime() + 1_000), 'expired')
  await identity.untilLine(/the SVID expired: new connections are refused until there is a new one/)
  assert.equal(identity.managed.status().svid?.serialNumber, serial)
  await agent.listen()
  agent.say(good())
  await identity.untilSerial(serial)
  assert.equal(identity.managed.state(), 'valid')
})

test('`InvalidArgument` is fatal', async () => {
  await using folder = await SocketFolder.make()
  await using agent = await FakeWorkloadApi.start(folder.socket, { code: status.INVALID_ARGUMENT })
  await using identity = await FollowedIdentity.follow(folder.socket)
  await assert.rejects(identity.managed.ready(new AbortController().signal), {
    code: 'ERR_WORKLOAD_API_INVALID_ARGUMENT',
  })
  assert.equal(agent.calls.length, 1)
  assert.match(identity.managed.status().problem!.advice, /refuses the request as invalid/)
})

test('unix attestation: the agent sees the uid and the pid of this process', async () => {
  await using folder = await SocketFolder.make()
  await using agent = await FakeWorkloadApi.start(folder.socket, good())
  await using identity = await FollowedIdentity.follow(folder.socket)
  await identity.untilSerial()
  assert.deepEqual(
    agent.callers.map((caller) => [caller.uid, caller.pid]),
    [[uid, process.pid]],
  )
})

test('rotation under 1-minute TTLs: each SVID the agent pushes is in use at once', async () => {
  await using folder = await SocketFolder.make()
  const minute = () => ({ notAfter: new Date(Date.now() + 60_000) })
  await using agent = await FakeWorkloadApi.start(folder.socket)
  await using identity = await FollowedIdentity.follow(folder.socket)
  let serial: string | undefined
  for (let turn = 0; turn < 5; turn += 1) {
    agent.say({ svids: [fakeSvid(ca, ca.issue('/a', minute()), '/a')] })
    serial = await identity.untilSerial(serial)
  }
  assert.equal(identity.managed.status().svidsUsed, 5)
})

test('agent restarted, socket re-created: the new one is found and its SVID is used', async () => {
  await using folder = await SocketFolder.make()
  await using agent = await FakeWorkloadApi.start(folder.socket, good())
  await using identity = await FollowedIdentity.follow(folder.socket)
  const serial = await identity.untilSerial()
  // As a container's restart does it: the file goes, another one takes its place, nobody says goodbye.
  await rm(folder.socket)
  await using next = await FakeWorkloadApi.start(folder.socket, good())
  agent.hangUp()
  await next.untilCalls(1)
  await identity.untilSerial(serial)
})

test('entry deleted and created again: told, and used again without a restart', async () => {
  await using folder = await SocketFolder.make()
  await using agent = await FakeWorkloadApi.start(folder.socket, good())
  await using identity = await FollowedIdentity.follow(folder.socket)
  const serial = await identity.untilSerial()
  agent.say(denied)
  await identity.untilLine(/no identity issued/)
  agent.sayToTheNext(good())
  await identity.untilSerial(serial)
  assert.equal(identity.managed.status().problem, undefined)
})

test('federated bundle: its trust domain is trusted as long as the agent sends it', async () => {
  await using folder = await SocketFolder.make()
  await using agent = await FakeWorkloadApi.start(folder.socket, good())
  await using identity = await FollowedIdentity.follow(folder.socket)
  let serial = await identity.untilSerial()
  const federatedBundles = { 'spiffe://partner.org': partner.certificate }
  agent.say({ ...good(), federatedBundles })
  serial = await identity.untilSerial(serial)
  assert.deepEqual(identity.managed.status().svid?.trustDomains, ['example.org', 'partner.org'])
  agent.say(good())
  await identity.untilSerial(serial)
  assert.deepEqual(identity.managed.status().svid?.trustDomains, ['example.org'])
})

test('several SVIDs with hints: the one whose hint is configured, although the order changes', async () => {
  await using folder = await SocketFolder.make()
  const both = () => [good('/a', 'external'), good('/b', 'internal')].flatMap(({ svids = [] }) => svids)
  await using agent = await FakeWorkloadApi.start(folder.socket, { svids: both() })
  await using identity = await FollowedIdentity.follow(folder.socket, { hint: 'internal' })
  const serial = await identity.untilSerial()
  assert.equal(identity.managed.status().svid?.spiffeId, 'spiffe://example.org/b')
  agent.say({ svids: both().toReversed() })
  await identity.untilSerial(serial)
  assert.equal(identity.managed.status().svid?.spiffeId, 'spiffe://example.org/b')
})

test('nested servers: the SVID of an intermediate authority leads to the bundle of the root', async () => {
  await using folder = await SocketFolder.make()
  const nested = ca.intermediate().intermediate()
  const svid = fakeSvid(ca, nested.issue('/a'), '/a')
  await using _agent = await FakeWorkloadApi.start(folder.socket, { svids: [svid] })
  await using identity = await FollowedIdentity.follow(folder.socket)
  await identity.untilSerial()
  assert.equal(identity.managed.status().svid?.spiffeId, 'spiffe://example.org/a')
})
