import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { commands } from '../../sidecar/cli/commands.js'
import { EchoBackend, exchange, hold, labId, peerOptions, prepareLab, runLab, serverTunnel } from './lab.js'
import { freePort, RunningSidecar, svidecar, temporaryFolder } from './running-sidecar.js'

const agentless = (folder: string, tunnelPort: number) => `
agent_address = "unix:${folder}/no-agent.sock"
tunnel "t" {
  mode   = "server"
  listen = "127.0.0.1:${tunnelPort}"
  target = "127.0.0.1:9"
  allow { ids = ["${labId('a')}"] }
}
`

test('--version and --help answer on standard output with exit 0', async () => {
  const version = await svidecar(['--version'])
  assert.deepEqual([version.status, version.stderr], [0, ''])
  assert.match(version.stdout, /^svidecar \d+\.\d+\.\d+\n$/)
  const help = await svidecar(['--help'])
  assert.equal(help.status, 0)
  for (const { name, summary } of commands) assert.match(help.stdout, new RegExp(`  ${name} +${summary.slice(0, 20)}`))
})

for (const { name } of commands) {
  test(`${name} --help shows its usage and flags`, async () => {
    const { status, stdout } = await svidecar([name, '--help'])
    assert.equal(status, 0)
    assert.match(stdout, new RegExp(`usage: svidecar ${name}`))
  })
}

test('what cannot be meant is exit 2 with a hint', async () => {
  for (const args of [[], ['nonsense'], ['run', '--no-such-flag'], ['run', '-daemon-mode', 'false'], ['inspect']]) {
    const { status, stdout, stderr } = await svidecar(args)
    assert.deepEqual([status, stdout], [2, ''], args.join(' '))
    assert.match(stderr, /svidecar .*--help/, args.join(' '))
  }
})

test('an identity that is missing after --wait is exit 3 and says what to check', async (t) => {
  const folder = temporaryFolder(t)
  const sidecar = new RunningSidecar(t, folder, 'lab', agentless(folder, await freePort()), ['--wait', '300ms'])
  assert.equal(await sidecar.exited, 3)
  const line = sidecar.lines.find(({ message }) => message === 'an identity is missing')
  assert.match(JSON.stringify(line), /is the agent running|no such|missing/)
})

test('spiffe-helper’s own form of the line runs, and -daemon-mode=false ends once every identity was had', async (t) => {
  const lab = prepareLab(t, [])
  const authority = runLab(t, lab, '')
  await authority.ready()
  const file = join(lab.folder, 'once.conf')
  writeFileSync(
    file,
    lab.preamble.slice(lab.preamble.indexOf('identity')) +
      serverTunnel('t', { listen: await freePort(), target: 9 }, ['a']),
  )
  const { status, stderr } = await svidecar(['-config', file, '-daemon-mode=false'])
  assert.equal(status, 0, stderr)
  assert.match(stderr, /every identity is in use/)
})

test('an address that is taken is exit 1 at start and named with its tunnel', async (t) => {
  const lab = prepareLab(t, ['a'])
  const rival = createServer()
  await new Promise<void>((resolve) => rival.listen(0, '127.0.0.1', resolve))
  t.after(() => rival.close())
  const { port } = rival.address() as { port: number }
  const sidecar = runLab(t, lab, serverTunnel('mine', { listen: port, target: 9 }, ['a']))
  assert.equal(await sidecar.exited, 1)
  const line = sidecar.lines.find(({ level }) => level === 'error')
  assert.match(String(line?.message), new RegExp(`tunnel "mine" cannot listen on 127\\.0\\.0\\.1:${port}: .*in use`))
})

test('status, health and metrics tell of a running process, and no label carries what a peer chose', async (t) => {
  const lab = prepareLab(t, ['a', 'b'])
  const backend = await EchoBackend.start(t)
  const [port, metricsPort] = [await freePort(), await freePort()]
  const sidecar = runLab(
    t,
    lab,
    `${serverTunnel('web', { listen: port, target: backend.port }, ['a'])}\nmetrics { listen = "127.0.0.1:${metricsPort}" }`,
  )
  await sidecar.ready()
  assert.deepEqual(await exchange(port, await peerOptions(lab, 'a')), { echoed: 'ping' })
  assert.ok('refused' in (await exchange(port, await peerOptions(lab, 'b'))))
  await sidecar.statusWhere('both are counted', ({ tunnels }) => tunnels[0]?.outcomes['denied'] === 1)

  const table = await svidecar(['status', '--config', sidecar.configFile])
  assert.equal(table.status, 0, table.stderr)
  assert.match(table.stdout, /^ready$/m)
  assert.match(table.stdout, new RegExp(`server +valid +${labId('server')}`))
  assert.match(table.stdout, /web +server +listening .*denied 1/)
  const json = await svidecar(['status', '--json', '--config', sidecar.configFile])
  assert.deepEqual(JSON.parse(json.stdout), { ...(await sidecar.status()), ...JSON.parse(json.stdout) })
  const health = await svidecar(['health', '--config', sidecar.configFile])
  assert.deepEqual([health.status, health.stdout], [0, 'ready\n'])

  const metrics = await fetch(`http://127.0.0.1:${metricsPort}/metrics`)
  const text = await metrics.text()
  assert.match(text, /^svidecar_ready 1$/m)
  assert.match(text, /^svidecar_tunnel_connections_total\{tunnel="web",outcome="denied"\} 1$/m)
  assert.match(text, /^svidecar_tunnel_handshake_seconds_count\{tunnel="web"\} \d+$/m)
  assert.doesNotMatch(text, /spiffe:/)
  assert.equal((await fetch(`http://127.0.0.1:${metricsPort}/other`)).status, 404)
})

test('health is exit 1 with the reasons while an identity is missing', async (t) => {
  const folder = temporaryFolder(t)
  const sidecar = new RunningSidecar(t, folder, 'lab', agentless(folder, await freePort()))
  await sidecar.statusWhere('a problem is known', ({ problems }) => problems.length > 0)
  const { status, stdout } = await svidecar(['health', '--config', sidecar.configFile])
  assert.equal(status, 1)
  assert.match(stdout, /^not ready\nidentity "default" has no SVID yet/)
})

test('a process that is not there is exit 1 and said', async (t) => {
  const { status, stderr } = await svidecar(['status', '--admin', `unix:${temporaryFolder(t)}/none.sock`])
  assert.equal(status, 1)
  assert.match(stderr, /no such socket: is svidecar running/)
})

test('SIGTERM lets connections end and is exit 0; a second one ends at once', async (t) => {
  const lab = prepareLab(t, ['a'])
  const backend = await EchoBackend.start(t)
  const start = async () => {
    const port = await freePort()
    const sidecar = runLab(t, lab, serverTunnel('t', { listen: port, target: backend.port }, ['a']))
    await sidecar.ready()
    return { sidecar, live: await hold(t, port, await peerOptions(lab, 'a')) }
  }
  const first = await start()
  const ended = first.sidecar.stop()
  await first.sidecar.line('draining', ({ message }) => message.startsWith('stopping'))
  first.live.end()
  assert.equal(await ended, 0)
  assert.equal(first.sidecar.lines.at(-1)?.message, 'stopped')

  const second = await start()
  second.sidecar.signal('SIGTERM')
  await second.sidecar.line('draining', ({ message }) => message.startsWith('stopping'))
  assert.equal(await second.sidecar.stop(), 143)
})
