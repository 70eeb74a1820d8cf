/** The sidecar with SPIRE's own agents; what a fake agent can show of it is test/sidecar/identity/workload-api-agent. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { freePort, RunningSidecar, svidecar, temporaryFolder } from '../scenarios/running-sidecar.js'
import { sendLine, startEcho } from './peer-lab.js'
import { SpireAgent, spireBinDir, spireMissing, SpireServer } from './spire.js'

const uid = process.geteuid?.()
const ofUid = ['-selector', `unix:uid:${uid}`]
const id = 'spiffe://example.org/edge'
const timeout = 240_000

/** A server, an agent, and a file for a sidecar whose two tunnels lead into each other. */
async function openLab(t: TestContext) {
  const folder = temporaryFolder(t)
  const server = await SpireServer.start(t, join(folder, 'server'), { trustDomain: 'example.org', svidTtl: '20s' })
  const agent = await SpireAgent.start(t, join(folder, 'agent'), server)
  return { folder, server, agent }
}

/** Three lines: where the agent is, and a tunnel each way. */
async function threeLines(t: TestContext, socket: string) {
  const [inward, outward] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`]
  const echo = await startEcho(t)
  const config = `agent_address = "unix://${socket}"
tunnel "in" { mode = "server" listen = "${inward}" target = "${echo}" allow { ids = ["${id}"] } }
tunnel "out" { mode = "client" listen = "${outward}" target = "${inward}" allow { ids = ["${id}"] } }
`
  return { config, outward }
}

function svidsUsed(sidecar: RunningSidecar, count: number) {
  return sidecar.statusWhere(`${count} SVIDs used`, ({ identities }) => (identities[0]?.svidsUsed ?? 0) >= count)
}

function problem(sidecar: RunningSidecar, pattern: RegExp) {
  return sidecar.statusWhere(String(pattern), ({ identities }) => pattern.test(identities[0]?.problem?.advice ?? ''))
}

describe('with an agent of SPIRE', { skip: spireMissing, timeout }, () => {
  test('three lines of configuration run the sidecar, with the entry that doctor prints', async (t) => {
    const { folder, server, agent } = await openLab(t)
    const { config, outward } = await threeLines(t, agent.socket)
    const sidecar = new RunningSidecar(t, folder, 'edge', config)
    const waiting = await problem(sidecar, new RegExp(`^no identity issued: is there an entry for uid ${uid}\\?`))
    assert.equal(waiting.ready, false)

    const file = join(folder, 'doctor.conf')
    writeFileSync(file, `${config}identity "default" { spiffe_id = "${id}" }\n`)
    const before = await svidecar(['doctor', '--config', file])
    assert.match(before.stdout, /FAILED +entries +no identity issued/)
    const command = before.stdout.slice(before.stdout.indexOf('  spire-server entry create'))
    // As where the server's socket is the usual one, which is not for a test to take.
    const shim = `#!/bin/sh\nexec ${join(spireBinDir, 'spire-server')} "$@" -socketPath ${server.socket}\n`
    writeFileSync(join(folder, 'spire-server'), shim, { mode: 0o700 })
    const env = { PATH: `${folder}:${process.env['PATH']}`, AGENT_ID: agent.id }
    await promisify(execFile)('sh', ['-c', command], { env })

    await sidecar.ready()
    assert.equal(await sendLine(outward, 'hello'), 'hello')
    const after = await svidecar(['doctor', '--config', file])
    assert.equal(after.status, 0, after.stdout)
    const inspected = await svidecar(['inspect', agent.socket])
    assert.equal(inspected.status, 0, inspected.stdout)
    assert.match(inspected.stdout, /^JWT authority of trust domain example\.org$/m)
  })

  test('unix attestation: each selector that doctor prints is one the agent finds', async (t) => {
    const { folder, server, agent } = await openLab(t)
    const file = join(folder, 'doctor.conf')
    const { config } = await threeLines(t, agent.socket)
    writeFileSync(file, config)
    const { stdout } = await svidecar(['doctor', '--config', file])
    const selectors = [...stdout.matchAll(/^ {2}(unix:\S+)$/gmu)].map(([, selector]) => selector ?? '')
    assert.ok(selectors.some((selector) => selector.startsWith('unix:sha256:')))
    await server.createEntry(agent.id, '/edge', ...selectors.flatMap((selector) => ['-selector', selector]))
    await new RunningSidecar(t, folder, 'edge', config).ready()
  })

  test('rotation under 1-minute TTLs, agent restarted, socket re-created', async (t) => {
    const { folder, server, agent } = await openLab(t)
    await server.createEntry(agent.id, '/edge', ...ofUid)
    const { config, outward } = await threeLines(t, agent.socket)
    const sidecar = new RunningSidecar(t, folder, 'edge', config)
    await svidsUsed(sidecar, 3)
    assert.equal(await sendLine(outward, 'rotated'), 'rotated')

    await agent.kill()
    await agent.start()
    const { identities } = await sidecar.status()
    await svidsUsed(sidecar, (identities[0]?.svidsUsed ?? 0) + 1)
    assert.equal(await sendLine(outward, 'restarted'), 'restarted')

    await agent.kill()
    rmSync(agent.socket)
    await problem(sidecar, /no socket .*: is the SPIRE agent running/)
    await agent.start()
    await sidecar.ready()
    assert.equal(await sendLine(outward, 're-created'), 're-created')
  })

  test('agent gone: the last SVID until it expires, then fail closed', async (t) => {
    const { folder, server, agent } = await openLab(t)
    await server.createEntry(agent.id, '/edge', ...ofUid)
    const { config, outward } = await threeLines(t, agent.socket)
    const sidecar = new RunningSidecar(t, folder, 'edge', config)
    await sidecar.ready()
    await agent.kill()
    await problem(sidecar, /is the SPIRE agent running/)
    assert.equal(await sendLine(outward, 'with the last SVID'), 'with the last SVID')
    await sidecar.statusWhere('expired', ({ identities }) => identities[0]?.state === 'expired')
    assert.equal(await sendLine(outward, 'too late'), '')
    await agent.start()
    await sidecar.statusWhere('valid again', ({ ready }) => ready)
    assert.equal(await sendLine(outward, 'hello again'), 'hello again')
  })

  test('entry deleted and created again', async (t) => {
    const { folder, server, agent } = await openLab(t)
    const entry = await server.createEntry(agent.id, '/edge', ...ofUid)
    const { config, outward } = await threeLines(t, agent.socket)
    const sidecar = new RunningSidecar(t, folder, 'edge', config)
    await sidecar.ready()
    await server.deleteEntry(entry)
    await problem(sidecar, /^no identity issued/)
    await server.createEntry(agent.id, '/edge', ...ofUid)
    await sidecar.statusWhere('no problem', ({ ready, identities }) => ready && identities[0]?.problem === undefined)
    assert.equal(await sendLine(outward, 'hello'), 'hello')
  })

  test('federated bundle', async (t) => {
    const { folder, server, agent } = await openLab(t)
    const partner = await SpireServer.start(t, join(folder, 'partner'), { trustDomain: 'partner.org', svidTtl: '1h' })
    const bundle = join(folder, 'partner.json')
    writeFileSync(bundle, await partner.ask('bundle', 'show', '-format', 'spiffe'))
    const inspected = await svidecar(['inspect', bundle])
    assert.match(inspected.stdout, /trust domain +partner\.org$/m)
    await server.ask('bundle', 'set', '-id', 'spiffe://partner.org', '-path', bundle, '-format', 'spiffe')
    await server.createEntry(agent.id, '/edge', ...ofUid, '-federatesWith', 'spiffe://partner.org')
    const { config } = await threeLines(t, agent.socket)
    const { identities } = await new RunningSidecar(t, folder, 'edge', config).ready()
    assert.deepEqual(identities[0]?.svid?.trustDomains.toSorted(), ['example.org', 'partner.org'])
  })

  test('several SVIDs with hints', async (t) => {
    const { folder, server, agent } = await openLab(t)
    await server.createEntry(agent.id, '/other', ...ofUid, '-hint', 'external')
    await server.createEntry(agent.id, '/edge', ...ofUid, '-hint', 'internal')
    const { config, outward } = await threeLines(t, agent.socket)
    const sidecar = new RunningSidecar(t, folder, 'edge', `${config}identity "edge" { hint = "internal" }\n`)
    const { identities } = await sidecar.ready()
    assert.equal(identities[0]?.svid?.spiffeId, id)
    assert.equal(await sendLine(outward, 'hello'), 'hello')
  })

  test('nested servers', async (t) => {
    const { folder, server, agent } = await openLab(t)
    // By its program: the sidecar has the same uid, and must not be a server.
    const ofServer = ['-selector', `unix:path:${join(spireBinDir, 'spire-server')}`]
    await server.createEntry(agent.id, '/nested', ...ofServer, '-downstream')
    const nested = await SpireServer.start(t, join(folder, 'nested'), {
      trustDomain: 'example.org',
      svidTtl: '20s',
      upstream: { port: server.port, agentSocket: agent.socket },
    })
    const below = await SpireAgent.start(t, join(folder, 'below'), nested)
    await nested.createEntry(below.id, '/edge', ...ofUid)
    const { config, outward } = await threeLines(t, below.socket)
    const sidecar = new RunningSidecar(t, folder, 'edge', config)
    await svidsUsed(sidecar, 2)
    assert.equal(await sendLine(outward, 'hello'), 'hello')
    const { stdout } = await svidecar(['inspect', below.socket])
    assert.match(stdout, /^X\.509-SVID, 2 certificates/m)
  })
})
