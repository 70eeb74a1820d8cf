import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Sample } from './table.js'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../../', import.meta.url))
const bench = fileURLToPath(new URL('main.js', import.meta.url))
const startUp = fileURLToPath(new URL('start-up.js', import.meta.url))

let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'svidecar-bench-test-'))
  await run('cargo', ['build', '--release', '--locked', '--workspace', '--bins'], { cwd: root })
})

after(() => rm(folder, { recursive: true, force: true }))

test('the benchmark measures a running sidecar in both modes and writes table and readings', async () => {
  const output = join(folder, 'results')
  const { stdout } = await run(process.execPath, [bench, '--quick', '--proxies', 'svidecar', '--output', output])
  const { samples }: { readonly samples: readonly Sample[] } = JSON.parse(await readFile(`${output}.json`, 'utf8'))
  for (const setting of ['server, tcp plaintext', 'client, tcp plaintext']) {
    const metrics = samples.filter((sample) => sample.setting === setting).map(({ metric }) => metric)
    assert.equal(metrics.length, 16, metrics.join(', '))
  }
  assert.ok(samples.every(({ value }) => Number.isFinite(value)))
  assert.ok(stdout.includes(await readFile(`${output}.txt`, 'utf8')))
})

test('two builds are compared round by round, each from its own folder', async () => {
  const args = ['--quick', '--measurements', 'handshakes', '--modes', 'server', '--output', join(folder, 'two')]
  const { stdout } = await run(process.execPath, [
    bench,
    ...args,
    '--proxies',
    `svidecar,svidecar=${join(root, 'dist')}`,
  ])
  assert.match(stdout, /^connection, 8 callers: CPU \[ms\] +(\| +[\d.]+ +){3}\| +[\d.]+–[\d.]+/m)
})

test('a build that is not there is skipped by name, and an unknown proxy is answered with the usage', async () => {
  const nothing = `svidecar=${join(folder, 'nowhere')}`
  const args = [bench, '--quick', '--output', join(folder, 'none'), '--proxies']
  const { stderr } = await run(process.execPath, [...args, nothing])
  assert.match(stderr, /skipped: svidecar in .*nowhere is not on this machine/)
  const failure = run(process.execPath, [...args, 'squid'])
  await assert.rejects(failure, { code: 2, stderr: /"squid" is neither one of svidecar, ghostunnel/ })
})

test('start and memory are measured beside Node itself', async () => {
  const { stdout } = await run(process.execPath, [startUp, '--rounds', '1'])
  for (const metric of ['run: CPU until listening', 'run: resident 2 s later', 'health: largest resident']) {
    assert.match(stdout, new RegExp(`^${metric} .*\\| +\\d`, 'm'))
  }
})

test('what the benchmark cannot use on its command line is answered with its usage', async () => {
  const { code, stderr } = (await run(process.execPath, [bench, '--modes', 'sideways']).catch(
    (error: { code: number; stderr: string }) => error,
  )) as { code?: number; stderr: string }
  assert.equal(code, 2)
  assert.match(stderr, /"sideways" is not one of server, client\nusage: npm run bench/)
})
