/** The files of spiffe-helper, run as they are. */
import assert from 'node:assert/strict'
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { freePort, RunningSidecar, svidecar, until } from './running-sidecar.js'
import { helperFiles, startHelperLab } from './helper-lab.js'

test("spiffe-helper's example file runs unchanged, and its files rotate", async (t) => {
  const lab = await startHelperLab(t, '4s')
  const config = `agent_address = "${lab.agentSocket}"
cmd = ""
cmd_args = ""
cert_dir = "${lab.certs}"
renew_signal = "SIGUSR1"
${helperFiles}`
  const sidecar = new RunningSidecar(t, lab.folder, 'helper', config)
  await sidecar.ready()
  const serials = new Set<string>()
  await until('three SVIDs were on disk', () => {
    const certificate = new X509Certificate(readFileSync(join(lab.certs, 'svid.pem')))
    serials.add(certificate.serialNumber)
    return serials.size >= 3 ? true : undefined
  })
  assert.equal(statSync(join(lab.certs, 'svid_key.pem')).mode & 0o777, 0o600)
  assert.equal(await sidecar.stop(), 0)
  const leaf = new X509Certificate(readFileSync(join(lab.certs, 'svid.pem')))
  assert.ok(leaf.checkPrivateKey(createPrivateKey(readFileSync(join(lab.certs, 'svid_key.pem')))))
  assert.ok(leaf.verify(new X509Certificate(readFileSync(join(lab.certs, 'svid_bundle.pem'))).publicKey))
})

test('a file of the KubeEdge demo runs: the program gets its arguments, a signal at each renewal, and an end', async (t) => {
  const lab = await startHelperLab(t, '4s')
  const ghostunnel = lab.program(
    'ghostunnel',
    'echo "$@" >> $OUT/arguments; trap "echo USR1 >> $OUT/signals" USR1\ntrap "echo TERM >> $OUT/signals; exit 0" TERM\necho $$ >> $OUT/pid\nwhile test -d $OUT; do sleep 0.05; done',
  )
  const args = `server --listen 192.168.56.102:18884 --target 127.0.0.1:2884 --cacert ${lab.certs}/svid_bundle.pem --keystore ${lab.certs}/new_bundle.p12 --allow-uri-san spiffe://example.org/downstream-app-event-bus`
  const config = `agentAddress = "${lab.agentSocket}"
cmdArgs = "${args}"
cmd = "${ghostunnel}"
certDir = "${lab.certs}"
renewSignal = "SIGUSR1"
svidFileName = "svid.pem"
svidKeyFileName = "svid_key.pem"
svidBundleFileName = "svid_bundle.pem"
`
  const sidecar = new RunningSidecar(t, lab.folder, 'helper', config)
  assert.deepEqual(await lab.lines('arguments', 1), [args])
  await lab.lines('signals', 2)
  const { process } = await sidecar.status()
  assert.deepEqual([process?.state, String(process?.pid)], ['running', (await lab.lines('pid', 1))[0]])
  assert.ok((process?.signalsTried ?? 0) >= 2)
  const told = sidecar.lines.filter(({ message }) => message.includes('svidecar convert'))
  assert.equal(told.length, 1)
  assert.equal(await sidecar.stop(), 0)
  assert.equal(lab.text('signals').endsWith('TERM\n'), true)
})

test('-daemon-mode=false writes everything once and ends, and the program is not started', async (t) => {
  const lab = await startHelperLab(t)
  const file = join(lab.folder, 'once.conf')
  writeFileSync(
    file,
    `agent_address = "${lab.agentSocket}" cert_dir = "${lab.certs}" cmd = "touch" cmd_args = "${lab.folder}/ran"\n${helperFiles}`,
  )
  const { status } = await svidecar(['-config', file, '-daemon-mode=false'])
  assert.equal(status, 0)
  assert.deepEqual(readdirSync(lab.certs).sort(), ['svid.pem', 'svid_bundle.pem', 'svid_key.pem'])
  assert.equal(existsSync(join(lab.folder, 'ran')), false)
})

test('cert_dir missing is said at start, with the directory and what to do', async (t) => {
  const lab = await startHelperLab(t)
  const file = join(lab.folder, 'missing.conf')
  writeFileSync(file, `agent_address = "${lab.agentSocket}" cert_dir = "${lab.folder}/nowhere"\n${helperFiles}`)
  const { status, stderr } = await svidecar(['-config', file])
  assert.equal(status, 1)
  assert.ok(stderr.includes(`${lab.folder}/nowhere`) && stderr.includes('does not exist: create it'), stderr)
})

test('ready is judged on disk, live is not lost by it, and the port is freed at the end', async (t) => {
  const lab = await startHelperLab(t)
  const port = await freePort()
  const config = `agent_address = "${lab.agentSocket}" cert_dir = "${lab.certs}"
health_checks { listener_enabled = true bind_port = ${port} }
${helperFiles}`
  const sidecar = new RunningSidecar(t, lab.folder, 'helper', config)
  await sidecar.ready()
  const ask = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status
  assert.deepEqual([await ask('/live'), await ask('/ready'), await ask('/')], [200, 200, 404])
  // Not a removed file, which would be written again before it is asked for: a directory nobody can write over.
  rmSync(join(lab.certs, 'svid.pem'))
  mkdirSync(join(lab.certs, 'svid.pem'))
  await until('it is not ready', async () => ((await ask('/ready')) === 503 ? true : undefined))
  assert.equal(await ask('/live'), 200)
  rmSync(join(lab.certs, 'svid.pem'), { recursive: true })
  await until('it is ready again', async () => ((await ask('/ready')) === 200 ? true : undefined))
  assert.equal(await sidecar.stop(), 0)
  await assert.rejects(ask('/live'))
})

test('a reload changes outputs and program without touching what is the same, and a broken one nothing', async (t) => {
  const lab = await startHelperLab(t)
  const stay = lab.program('stay', 'echo $$ >> $OUT/pids; while test -d $OUT; do sleep 0.05; done')
  const config = (more: string) => `agent_address = "${lab.agentSocket}" cert_dir = "${lab.certs}" cmd = "${stay}"
${helperFiles}${more}`
  const sidecar = new RunningSidecar(t, lab.folder, 'helper', config(''))
  await sidecar.ready()
  await lab.lines('pids', 1)
  const before = statSync(join(lab.certs, 'svid.pem'))
  sidecar.writeConfig(config(`output "more" { dir = "${lab.folder}/nowhere" svid_file_name = "x" }`))
  assert.match((await sidecar.reload()).faults.join(), /nowhere" does not exist/)
  sidecar.writeConfig(config(`output "more" { dir = "${lab.certs}" svid_bundle_file_name = "more.pem" }`))
  assert.deepEqual(await sidecar.reload(), { succeeded: true, faults: [] })
  await sidecar.ready()
  assert.ok(existsSync(join(lab.certs, 'more.pem')))
  assert.deepEqual(statSync(join(lab.certs, 'svid.pem')).mtimeMs, before.mtimeMs)
  const next = lab.program('next', 'while test -d $OUT; do sleep 0.05; done')
  sidecar.writeConfig(config('').replace(stay, next))
  assert.deepEqual(await sidecar.reload(), { succeeded: true, faults: [] })
  const { process } = await sidecar.statusWhere('the new program runs', (status) => status.process?.program === next)
  assert.notEqual(String(process?.pid), lab.text('pids').trim())
  assert.equal(lab.text('pids').trim().split('\n').length, 1)
  assert.equal(await sidecar.stop(), 0)
})
