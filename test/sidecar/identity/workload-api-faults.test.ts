/** What an agent does wrong while the sidecar runs: said, retried, shown, and survived with the last good SVID. */
import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { status } from '@grpc/grpc-js'
import { FakeCa, generateKey } from '../../fakes/fake-ca.js'
import { fakeSvid, FakeWorkloadApi, type FakeAnswer } from '../../fakes/fake-workload-api.js'
import { SocketFolder } from '../../workload-api/client/watching.js'
import { FollowedIdentity } from './workload-api-identity.js'

const ca = FakeCa.create('example.org')
const good = (): FakeAnswer => ({ svids: [fakeSvid(ca, ca.issue('/a'), '/a')] })
const spoiled = (changes: Parameters<typeof fakeSvid>[3]): FakeAnswer => ({
  svids: [fakeSvid(ca, ca.issue('/a'), '/a', changes)],
})

interface Fault {
  readonly name: string
  readonly cause: (agent: FakeWorkloadApi) => void | Promise<void>
  /** Ends it, without a message to a stream that is open: only who asks again learns of it. */
  readonly mend?: (agent: FakeWorkloadApi) => Promise<void>
  readonly advice: RegExp
}

const says = (answer: FakeAnswer) => (agent: FakeWorkloadApi) => agent.say(answer)

const faults: readonly Fault[] = [
  {
    name: 'socket missing',
    cause: (agent) => agent.stop(),
    mend: (agent) => agent.listen(),
    advice: /no socket \/.*agent\.sock: is the SPIRE agent running, is agent_address right, is the volume .* mounted\?/,
  },
  {
    name: 'connection refused',
    cause: async (agent) => {
      await agent.stop()
      await writeFile(agent.path, '')
    },
    mend: async (agent) => {
      await rm(agent.path)
      await agent.listen()
    },
    advice: /nobody listens at \/.*agent\.sock: is the SPIRE agent running\?/,
  },
  {
    name: '`PermissionDenied`',
    cause: says({ code: status.PERMISSION_DENIED, details: 'no identity issued' }),
    advice: /no identity issued: is there an entry for uid \d+\? .*unix:uid:\d+, unix:gid:\d+, unix:path:\//,
  },
  {
    name: 'garbage SVID',
    cause: says(spoiled({ x509Svid: Buffer.from('garbage') })),
    advice: /no certificate chain: is it a SPIRE agent that listens there\?/,
  },
  {
    name: 'key not matching the leaf',
    cause: says(spoiled({ x509SvidKey: generateKey().export({ format: 'der', type: 'pkcs8' }) })),
    advice: /private key that is not that of the certificate: restart the agent/,
  },
  {
    name: 'bundle missing',
    cause: says(spoiled({ bundle: new Uint8Array() })),
    advice: /not complete: is the agent in sync with its server\?/,
  },
  {
    name: 'empty list',
    cause: says({ svids: [] }),
    advice: /not complete: is the agent in sync with its server\?/,
  },
  {
    name: 'a message too large',
    cause: says({ crl: [new Uint8Array(11 * 1024 * 1024)] }),
    advice: /sent more than 10 MiB: how many trust domains is it federated with\?/,
  },
]

for (const { name, cause, mend, advice } of faults) {
  test(`Agent: ${name}: a log line that says what to check, retry with back-off, status says so, the last good SVID stays`, async () => {
    await using folder = await SocketFolder.make()
    await using agent = await FakeWorkloadApi.start(folder.socket, good())
    await using identity = await FollowedIdentity.follow(folder.socket)
    const serial = await identity.untilSerial()

    await cause(agent)
    const line = await identity.untilLine(advice)
    assert.match(line.message, /^no new SVID: /)
    assert.equal(line.level, 'warn')
    assert.ok(line.retryInMs! > 0)
    const { state, svid, problem } = identity.managed.status()
    assert.deepEqual([state, svid?.serialNumber], ['valid', serial])
    assert.match(problem!.advice, advice)

    agent.sayToTheNext(good())
    await mend?.(agent)
    await identity.untilSerial(serial)
    assert.equal(identity.managed.status().problem, undefined)
  })
}

test('Agent: gone for a moment and back with the same SVID: nothing rotates, status is clean again', async () => {
  await using folder = await SocketFolder.make()
  await using agent = await FakeWorkloadApi.start(folder.socket, good())
  await using identity = await FollowedIdentity.follow(folder.socket)
  await identity.untilSerial()
  await agent.stop()
  await identity.untilLine(/^no new SVID/)
  await agent.listen()
  await identity.untilLine(/answers again/)
  const { problem, svidsUsed } = identity.managed.status()
  assert.deepEqual([problem, svidsUsed], [undefined, 1])
})

test('Agent: a fault that lasts is one log line, not one for each retry', async () => {
  await using folder = await SocketFolder.make()
  await using agent = await FakeWorkloadApi.start(folder.socket, { code: status.PERMISSION_DENIED })
  await using identity = await FollowedIdentity.follow(folder.socket)
  await agent.untilCalls(8)
  assert.equal(identity.lines.filter(({ message }) => message.startsWith('no new SVID')).length, 1)
})

test('Agent: `Unimplemented`: a log line that says what to check, and no retry', async () => {
  await using folder = await SocketFolder.make()
  await using agent = await FakeWorkloadApi.start(folder.socket, { code: status.UNIMPLEMENTED })
  await using identity = await FollowedIdentity.follow(folder.socket)
  await identity.untilLine(/does not serve X\.509-SVIDs: is it the agent's public socket, and not its admin socket\?/)
  await assert.rejects(identity.managed.ready(new AbortController().signal))
  assert.equal(agent.calls.length, 1)
})

test('Agent: its texts and hints, whatever they hold, stay on one line without control characters', async () => {
  await using folder = await SocketFolder.make()
  const hostile = 'x\n{"level":"error"}\u001b[31m\u202e'
  await using agent = await FakeWorkloadApi.start(folder.socket, {
    svids: [fakeSvid(ca, ca.issue('/a'), '/a', { hint: hostile })],
  })
  await using identity = await FollowedIdentity.follow(folder.socket, { hint: 'other' })
  const offered = await identity.untilLine(/exactly one of the SVIDs/)
  // oxlint-disable-next-line no-control-regex
  const dangerous = /[\u0000-\u001f\u007f-\u009f\u202e]/
  assert.ok(!dangerous.test(offered.error!))
  agent.say({ code: status.PERMISSION_DENIED, details: hostile })
  const denied = await identity.untilLine(/no identity issued/)
  assert.ok(!dangerous.test(denied.message))
})
