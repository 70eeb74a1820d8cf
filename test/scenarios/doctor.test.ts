import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { status } from '@grpc/grpc-js'
import { FakeCa } from '../fakes/fake-ca.js'
import { fakeSvid, FakeWorkloadApi, type FakeAnswer } from '../fakes/fake-workload-api.js'
import { prepareLab, runLab } from './lab.js'
import { svidecar, temporaryFolder } from './running-sidecar.js'

const ca = FakeCa.create('example.org')
const partner = FakeCa.create('partner.org')
const good = (path = '/a', hint = '') => fakeSvid(ca, ca.issue(path), path, { hint })

function statesOf(stdout: string): readonly string[] {
  return [...stdout.matchAll(/^ {2}(ok|FAILED|-) +(\w+)/gmu)].map(([, state, step]) => `${step} ${state}`)
}

/** A file needs something to run; doctor does not run it. */
function tunnel(identity: string): string {
  return `
tunnel "in" {
  mode     = "server"
  listen   = "127.0.0.1:8443"
  target   = "127.0.0.1:8080"
  identity = "${identity}"
  allow { ids = ["spiffe://example.org/client"] }
}
`
}

/** What doctor says of a file with one identity of an agent that answers so; undefined: no agent. */
async function examined(t: TestContext, answer: FakeAnswer | undefined, keys = '') {
  const folder = temporaryFolder(t)
  const socket = join(folder, 'agent.sock')
  const file = join(folder, 'svidecar.conf')
  writeFileSync(file, `agent_address = "unix://${socket}"\nidentity "edge" { ${keys} }\n${tunnel('edge')}`)
  const agent = answer === undefined ? undefined : await FakeWorkloadApi.start(socket, answer)
  t.after(() => agent?.stop())
  const result = await svidecar(['doctor', '--config', file])
  return { ...result, states: statesOf(result.stdout) }
}

test('an identity that can be had is exit 0, and each step says what is there', async (t) => {
  const answer = {
    svids: [good('/a', 'one'), good('/b')],
    federatedBundles: { 'spiffe://partner.org': partner.certificate },
  }
  const { status: exit, stdout, states } = await examined(t, answer, 'spiffe_id = "spiffe://example.org/b"')
  assert.equal(exit, 0, stdout)
  assert.deepEqual(states, ['socket ok', 'connection ok', 'request ok', 'entries ok', 'bundle ok', 'choice ok'])
  assert.match(stdout, /agent\.sock is there, mode 0\d{3}, of uid \d+ and gid \d+/)
  assert.match(stdout, /2 SVIDs: "spiffe:\/\/example\.org\/a" \(hint "one"\), "spiffe:\/\/example\.org\/b"/)
  assert.match(stdout, /federated: partner\.org/)
  assert.match(stdout, /this identity is spiffe:\/\/example\.org\/b$/m)
})

const failures: readonly [what: string, answer: FakeAnswer | undefined, keys: string, states: string, text: RegExp][] =
  [
    ['there is no socket', undefined, '', 'FAILED - - - - -', /no such file: is the SPIRE agent running/],
    [
      'the request is refused',
      { code: status.INVALID_ARGUMENT },
      '',
      'ok ok FAILED - - -',
      /refuses the request as invalid: is it a Workload API/,
    ],
    [
      'there is no entry',
      { code: status.PERMISSION_DENIED },
      '',
      'ok ok ok FAILED - -',
      /no identity issued: is there an entry for uid \d+\?/,
    ],
    [
      'an SVID is of another authority',
      { svids: [{ ...good(), bundle: partner.certificate }] },
      '',
      'ok ok ok ok FAILED -',
      /does not lead to the bundle/,
    ],
    [
      'no SVID is the one that is configured',
      { svids: [good()] },
      'spiffe_id = "spiffe://example.org/other"',
      'ok ok ok ok ok FAILED',
      /offers no SVID for spiffe_id "spiffe:\/\/example\.org\/other"; it offers "spiffe:\/\/example\.org\/a"/,
    ],
  ]

for (const [what, answer, keys, expected, text] of failures) {
  test(`when ${what}, doctor is exit 1 and says how far it got and what to check`, async (t) => {
    const { status: exit, stdout, states } = await examined(t, answer, keys)
    assert.equal(exit, 1)
    assert.equal(states.map((state) => state.split(' ')[1]).join(' '), expected, stdout)
    assert.match(stdout, text)
  })
}

test('when the socket has outlived its agent, doctor says that nobody listens', async (t) => {
  const folder = temporaryFolder(t)
  const socket = join(folder, 'agent.sock')
  // A process that is killed leaves its socket behind.
  const leave = `require('node:net').createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', leave])
  const file = join(folder, 'svidecar.conf')
  writeFileSync(file, `agent_address = "unix://${socket}"\n${tunnel('default')}`)
  const { status: exit, stdout } = await svidecar(['doctor', '--config', file])
  assert.equal(exit, 1)
  assert.match(stdout, /ok +socket .*\n +FAILED +connection +nobody listens: is the SPIRE agent running/)
})

test('it prints the selectors SPIRE finds of this process, and the command that makes an entry of them', async (t) => {
  const { stdout } = await examined(t, undefined, 'spiffe_id = "spiffe://example.org/edge"')
  const program = realpathSync(process.execPath)
  const digest = createHash('sha256').update(readFileSync(program)).digest('hex')
  for (const selector of [
    `unix:uid:${process.geteuid?.()}`,
    `unix:gid:${process.getegid?.()}`,
    `unix:path:${program}`,
    `unix:sha256:${digest}`,
  ]) {
    assert.ok(stdout.includes(`\n  ${selector}\n`), stdout)
  }
  const command = [
    '  spire-server entry create \\',
    '    -parentID "$AGENT_ID" \\',
    '    -spiffeID spiffe://example.org/edge \\',
    `    -selector unix:uid:${process.geteuid?.()} \\`,
    `    -selector unix:gid:${process.getegid?.()}`,
  ]
  assert.ok(stdout.includes(command.join('\n')), stdout)
})

test('an identity of an embedded authority is examined by an SVID that it signs', async (t) => {
  const lab = prepareLab(t, ['other'])
  const file = join(lab.folder, 'examined.conf')
  const identity = (name: string, id: string) =>
    `identity "${name}" { source = "authority" authority_address = "unix:${lab.authoritySocket}" spiffe_id = "${id}" }\n`
  writeFileSync(
    file,
    identity('known', 'spiffe://lab.test/other') + identity('unknown', 'spiffe://lab.test/nobody') + tunnel('known'),
  )
  const without = await svidecar(['doctor', '--config', file])
  assert.match(without.stdout, /no such file: is the authority running/)
  await runLab(t, lab, '').ready()
  const { status: exit, stdout } = await svidecar(['doctor', '--config', file])
  assert.equal(exit, 1)
  const [known = '', unknown = ''] = stdout.split('\n\n')
  assert.deepEqual(new Set(statesOf(known).map((state) => state.split(' ')[1])), new Set(['ok']))
  assert.match(unknown, /FAILED +entries +register uid \d+ for spiffe:\/\/lab\.test\/nobody/)
  assert.ok(!stdout.includes('spire-server'))
})
