import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { repositoryRoot } from '../repository-root.js'
import { svidecar } from './running-sidecar.js'
import { helperFiles, startHelperLab, type HelperLab } from './helper-lab.js'

function writeFile(lab: HelperLab, more = ''): string {
  const file = join(lab.folder, 'exec.conf')
  writeFileSync(file, `agent_address = "${lab.agentSocket}" cert_dir = "${lab.certs}"\n${helperFiles}${more}`)
  return file
}

function start(t: TestContext, args: readonly string[]) {
  const entry = join(repositoryRoot, 'dist', 'bin', 'main.js')
  const child = spawn(process.execPath, [entry, 'exec', ...args], { stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  return { child, ended: new Promise<number | null>((resolve) => child.once('close', resolve)) }
}

test('the program starts after its files, with SPIFFE_ENDPOINT_SOCKET, and its exit status is passed on', async (t) => {
  const lab = await startHelperLab(t)
  const path = lab.program(
    'p',
    'test -s $OUT/certs/svid.pem || exit 9\necho "$SPIFFE_ENDPOINT_SOCKET [$1] [$2]"; exit 42',
  )
  const { status, stdout } = await svidecar(['exec', '-config', writeFile(lab), '--', path, 'a b', '--help'])
  assert.equal(stdout, `unix://${lab.agentSocket} [a b] [--help]\n`)
  assert.equal(status, 42)
})

test('it needs no file: the identity is the one the agent gives', async (t) => {
  const lab = await startHelperLab(t)
  const env = { SPIFFE_ENDPOINT_SOCKET: `unix://${lab.agentSocket}` }
  const { status } = await svidecar(['exec', '--', 'true'], { env, cwd: lab.certs })
  assert.equal(status, 0)
})

test('signals are passed on, and the status is that of a shell for a program that a signal ended', async (t) => {
  const lab = await startHelperLab(t)
  const path = lab.program(
    'p',
    'for s in HUP USR1 USR2; do trap "echo $s >> $OUT/signals" $s; done\necho $$ >> $OUT/pid; while test -d $OUT; do sleep 0.05; done',
  )
  const { child, ended } = start(t, ['-config', writeFile(lab), '--', path])
  await lab.lines('pid', 1)
  for (const [index, name] of (['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const).entries()) {
    child.kill(name)
    await lab.lines('signals', index + 1)
  }
  assert.equal(lab.text('signals'), 'HUP\nUSR1\nUSR2\n')
  child.kill('SIGTERM')
  assert.equal(await ended, 143)
  assert.equal(existsSync(`/proc/${lab.text('pid').trim()}`), false)
})

test('without an identity the program is not started, and the status is 3', async (t) => {
  const lab = await startHelperLab(t)
  const file = join(lab.folder, 'exec.conf')
  writeFileSync(file, `agent_address = "${lab.folder}/nobody.sock"`)
  const { status } = await svidecar(['exec', '-config', file, '-wait', '300ms', '--', 'touch', join(lab.folder, 'ran')])
  assert.equal(status, 3)
  assert.equal(existsSync(join(lab.folder, 'ran')), false)
})

test('a program that is not there is status 127, one that is none 126', async (t) => {
  const lab = await startHelperLab(t)
  const file = writeFile(lab)
  assert.equal((await svidecar(['exec', '-config', file, '--', '/nonexistent'])).status, 127)
  assert.equal((await svidecar(['exec', '-config', file, '--', lab.certs])).status, 126)
})
