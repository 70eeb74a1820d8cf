import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { EchoBackend, exchange, hold, peerOptions, prepareLab, runLab, serverTunnel } from './lab.js'
import { freePort, until } from './running-sidecar.js'

async function startOne(t: Parameters<typeof prepareLab>[0]) {
  const lab = prepareLab(t, ['a', 'b'])
  const backend = await EchoBackend.start(t)
  const port = await freePort()
  const tunnel = (name: string, allowed: readonly string[], extra = '') =>
    serverTunnel(name, { listen: port, target: backend.port }, allowed).replace('identity =', `${extra}\n  identity =`)
  const sidecar = runLab(t, lab, tunnel('t', ['a']))
  await sidecar.ready()
  const peer = await peerOptions(lab, 'a')
  return { lab, backend, port, tunnel, sidecar, peer }
}

test('ten faults in the new file', async (t) => {
  const { lab, port, sidecar, peer } = await startOne(t)
  const live = await hold(t, port, peer)
  const before = await sidecar.status()
  const faults = Array.from({ length: 10 }, (_, index) => `wrong_key_${index} = 1`)
  sidecar.writeConfig(`${lab.preamble}\n${faults.join('\n')}\n`)
  const answer = await sidecar.reload()
  assert.equal(answer.succeeded, false)
  assert.equal(answer.faults.length, 10)
  for (const [index, fault] of answer.faults.entries())
    assert.match(fault, new RegExp(`^\\S+:\\d+:\\d+: .*wrong_key_${index}`))
  const after = await sidecar.status()
  assert.equal(after.ready, true)
  assert.deepEqual(after.config.lastReload?.faults, answer.faults)
  assert.equal(after.tunnels[0]?.generation, before.tunnels[0]?.generation)
  assert.equal(live.destroyed, false)
  assert.deepEqual(await exchange(port, peer), { echoed: 'ping' })
})

test('a port in use', async (t) => {
  const { lab, backend, port, tunnel, sidecar, peer } = await startOne(t)
  const stranger = createServer()
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
  t.after(() => stranger.close())
  const taken = (stranger.address() as { port: number }).port
  const live = await hold(t, port, peer)
  // The change to the running tunnel must not happen either: `a` stays allowed.
  sidecar.writeConfig(
    lab.preamble + tunnel('t', ['b']) + serverTunnel('second', { listen: taken, target: backend.port }, ['b']),
  )
  const answer = await sidecar.reload()
  assert.equal(answer.succeeded, false)
  assert.match(answer.faults.join('\n'), new RegExp(`127\\.0\\.0\\.1:${taken}.*in use`))
  assert.equal(live.destroyed, false)
  assert.deepEqual(await exchange(port, peer), { echoed: 'ping' })
  assert.equal((await sidecar.status()).tunnels.length, 1)
})

test('an unchanged file', async (t) => {
  const { port, sidecar, peer } = await startOne(t)
  const live = await hold(t, port, peer)
  const before = await sidecar.status()
  assert.deepEqual(await sidecar.reload(), { succeeded: true, faults: [] })
  const after = await sidecar.status()
  assert.deepEqual(after.tunnels, before.tunnels)
  assert.deepEqual(after.identities, before.identities)
  assert.equal(live.destroyed, false)
})

test('100 reloads under load: nothing lost', async (t) => {
  const { lab, port, tunnel, sidecar, peer } = await startOne(t)
  const live = await hold(t, port, peer)
  const loadOver = new AbortController()
  const failures: string[] = []
  let exchanges = 0
  const load = Array.from({ length: 3 }, async () => {
    while (!loadOver.signal.aborted) {
      const result = await exchange(port, peer)
      exchanges += 1
      if ('refused' in result) failures.push(result.refused)
    }
  })
  let sent = 0
  let echoed = 0
  live.on('data', (chunk: Buffer) => (echoed += chunk.length))
  for (let reload = 0; reload < 100; reload += 1) {
    sidecar.writeConfig(
      lab.preamble +
        tunnel(`t${reload % 3}`, reload % 2 === 0 ? ['a', 'b'] : ['a'], `idle_timeout = "${60 + reload}s"`),
    )
    assert.deepEqual(await sidecar.reload(), { succeeded: true, faults: [] })
    live.write('x')
    sent += 1
  }
  await until('every byte on the held connection is back', () => (echoed === sent ? true : undefined))
  loadOver.abort()
  await Promise.all(load)
  assert.deepEqual(failures, [])
  assert.ok(exchanges > 0)
  assert.equal((await sidecar.status()).config.reloads, 100)
})
