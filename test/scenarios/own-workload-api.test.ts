import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { validateJwtSvid, WorkloadApiClient } from '../../workload-api/index.js'
import { repositoryRoot } from '../repository-root.js'
import { RunningSidecar } from './running-sidecar.js'
import { startHelperLab } from './helper-lab.js'

test('the own identities are served over the Workload API, and each rotation with them', async (t) => {
  const lab = await startHelperLab(t, '4s')
  const own = join(lab.folder, 'own.sock')
  const config = `agent_address = "${lab.agentSocket}"\nworkload_api { listen = "unix:${own}" }\n`
  const sidecar = new RunningSidecar(t, lab.folder, 'own', config)
  await sidecar.ready()
  const client = new WorkloadApiClient({ address: `unix://${own}` })
  t.after(() => client.close())
  const serials: string[] = []
  for await (const { svids, bundles } of client.watchX509Context({ signal: AbortSignal.timeout(20_000) })) {
    assert.equal(svids[0]?.id, 'spiffe://lab.test/server')
    assert.deepEqual([...bundles.keys()], ['lab.test'])
    serials.push(svids[0]?.serialNumber ?? '')
    if (serials.length === 3) break
  }
  assert.equal(new Set(serials).size, 3)
  assert.deepEqual((await sidecar.status()).workloadApi, {
    listen: `unix:${own}`,
    offered: ['default'],
    notOffered: [],
  })
})

test('another user is not served', { skip: process.getuid?.() !== 0 && 'needs root' }, async (t) => {
  const lab = await startHelperLab(t)
  const own = join(lab.folder, 'own.sock')
  const config = `agent_address = "${lab.agentSocket}"\nworkload_api { listen = "unix:${own}" socket_mode = 0666 }\n`
  const sidecar = new RunningSidecar(t, lab.folder, 'own', config)
  await sidecar.ready()
  chmodSync(lab.folder, 0o755)
  const program = join(repositoryRoot, 'dist', 'test', 'sidecar', 'authority', 'foreign-caller.js')
  const { stdout } = spawnSync(process.execPath, [program, own, '65534', 'spiffe://lab.test/server'], {
    timeout: 30_000,
  })
  assert.notEqual(String(stdout), 'OK')
  await sidecar.line('the refusal', ({ message, uid }) => message === 'a connection was refused' && uid === 65_534)
})

test('tokens are had through it from who issues the identity', async (t) => {
  const lab = await startHelperLab(t)
  const own = join(lab.folder, 'own.sock')
  const config = `agent_address = "${lab.agentSocket}"\nworkload_api { listen = "unix:${own}" }\n`
  const sidecar = new RunningSidecar(t, lab.folder, 'own', config)
  await sidecar.ready()
  const client = new WorkloadApiClient({ address: `unix://${own}` })
  t.after(() => client.close())
  const signal = AbortSignal.timeout(20_000)
  const token = await client.fetchJwtSvid({ audience: ['db'] }, { signal })
  assert.deepEqual([token.id, token.audience], ['spiffe://lab.test/server', ['db']])
  const bundles = await client.fetchJwtBundles({ signal })
  assert.equal((await validateJwtSvid(token.marshal(), bundles, { audience: ['db'] })).id, token.id)
})
