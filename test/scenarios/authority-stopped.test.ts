import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { EchoBackend, exchange, hold, peerOptions, prepareLab, serverTunnel } from './lab.js'
import { freePort, RunningSidecar, until } from './running-sidecar.js'

test('authority stopped (SIGSTOP) past expiry: new connections refused, port still bound, established stream intact; SIGCONT: recovers without restart', async (t) => {
  const lab = prepareLab(t, ['a'], { svidTtl: '4s' })
  const [authorityBlock, identityBlock] = splitPreamble(lab.preamble)
  const authority = new RunningSidecar(t, lab.folder, 'ca', authorityBlock)
  await authority.ready()
  const backend = await EchoBackend.start(t)
  const port = await freePort()
  const sidecar = new RunningSidecar(
    t,
    lab.folder,
    'sc',
    identityBlock + serverTunnel('t', { listen: port, target: backend.port }, ['a']),
  )
  await sidecar.ready()
  const live = await hold(t, port, await peerOptions(lab, 'a'))

  authority.signal('SIGSTOP')
  const expired = await sidecar.statusWhere('expired', (status) => status.identities[0]?.state === 'expired')
  assert.equal(expired.ready, false)
  assert.match(expired.problems.join('\n'), /expired/)
  assert.equal(expired.tunnels[0]?.state, 'no_valid_svid')

  const connectionsBefore = backend.connections
  assert.ok('refused' in (await exchange(port, {})))
  assert.equal(backend.connections, connectionsBefore)
  await until('the refusal is counted', async () => {
    const { tunnels } = await sidecar.status()
    return (tunnels[0]?.outcomes['no_valid_svid'] ?? 0) > 0 ? true : undefined
  })
  const rival = createServer()
  rival.listen(port, '127.0.0.1')
  const [taken] = (await once(rival, 'error')) as [NodeJS.ErrnoException]
  assert.equal(taken.code, 'EADDRINUSE')
  live.write('still here')
  assert.equal(String((await once(live, 'data'))[0]), 'still here')

  authority.signal('SIGCONT')
  await sidecar.ready()
  assert.deepEqual(await exchange(port, await peerOptions(lab, 'a')), { echoed: 'ping' })
  live.write('and now')
  assert.equal(String((await once(live, 'data'))[0]), 'and now')
  const { identities } = await sidecar.status()
  assert.equal(identities[0]?.state, 'valid')
})

/** The authority is a process of its own here: its block goes into one file, the identity into another. */
function splitPreamble(preamble: string): readonly [authority: string, identity: string] {
  const at = preamble.indexOf('identity "server"')
  return [preamble.slice(0, at), preamble.slice(at)]
}
