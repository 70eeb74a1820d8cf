import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EchoBackend, exchange, hold, labId, peerOptions, prepareLab, runLab, serverTunnel } from './lab.js'
import { freePort, until } from './running-sidecar.js'

const revocationLimitMs = 1000

test('two tunnels with one identity and different `allow`: a peer warmed up on one is refused by the other', async (t) => {
  const lab = prepareLab(t, ['a', 'b'])
  const [open, closed] = [await EchoBackend.start(t), await EchoBackend.start(t)]
  const [openPort, closedPort] = [await freePort(), await freePort()]
  const sidecar = runLab(
    t,
    lab,
    serverTunnel('open', { listen: openPort, target: open.port }, ['a', 'b']) +
      serverTunnel('closed', { listen: closedPort, target: closed.port }, ['b']),
  )
  await sidecar.ready()
  const peer = await peerOptions(lab, 'a')
  for (let warm = 0; warm < 5; warm += 1) assert.deepEqual(await exchange(openPort, peer), { echoed: 'ping' })
  const refused = await exchange(closedPort, peer)
  assert.match('refused' in refused ? refused.refused : 'echoed', /alert access denied/)
  assert.deepEqual(await exchange(openPort, peer), { echoed: 'ping' })
  assert.equal(closed.connections, 0)
  const line = await sidecar.line(
    'the refusal',
    (candidate) => candidate['tunnel'] === 'closed' && candidate['decision'] === 'denied',
  )
  assert.equal(line['peer'], labId('a'))
  assert.equal(line['outcome'], 'denied')
})

test('an ID removed by reload under load: its live connections are closed within 1 s, and a peer racing handshakes in a loop gets no byte through afterwards', async (t) => {
  const lab = prepareLab(t, ['a', 'b'])
  const backend = await EchoBackend.start(t)
  const port = await freePort()
  const tunnel = (allowed: readonly string[]) => serverTunnel('t', { listen: port, target: backend.port }, allowed)
  const sidecar = runLab(t, lab, tunnel(['a', 'b']))
  await sidecar.ready()
  const [removed, kept] = [await peerOptions(lab, 'a'), await peerOptions(lab, 'b')]
  const live = await Promise.all(Array.from({ length: 20 }, () => hold(t, port, removed)))
  const other = await hold(t, port, kept)
  const load = setInterval(() => {
    for (const socket of [...live, other]) if (!socket.destroyed) socket.write('load')
  }, 2)
  t.after(() => clearInterval(load))
  const closed = Promise.all(live.map((socket) => new Promise((resolve) => socket.once('close', resolve))))

  const raceOver = new AbortController()
  let reloadedAt = Number.POSITIVE_INFINITY
  let echoedAfterwards = 0
  const race = Array.from({ length: 4 }, async () => {
    while (!raceOver.signal.aborted) {
      const startedAt = performance.now()
      const result = await exchange(port, removed)
      if ('echoed' in result && startedAt > reloadedAt) echoedAfterwards += 1
    }
  })

  sidecar.writeConfig(lab.preamble + tunnel(['b']))
  const askedAt = performance.now()
  assert.deepEqual(await sidecar.reload(), { succeeded: true, faults: [] })
  reloadedAt = performance.now()
  await closed
  const tookMs = performance.now() - Math.max(askedAt, reloadedAt)
  assert.ok(tookMs < revocationLimitMs, `the live connections were closed after ${tookMs} ms`)
  await until('the racing peer is refused', async () =>
    'refused' in (await exchange(port, removed)) ? true : undefined,
  )
  for (let once = 0; once < 50; once += 1) assert.ok('refused' in (await exchange(port, removed)))
  raceOver.abort()
  await Promise.all(race)
  assert.equal(echoedAfterwards, 0)
  assert.equal(other.destroyed, false)
  assert.deepEqual(await exchange(port, kept), { echoed: 'ping' })
})
