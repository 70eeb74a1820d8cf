import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPublicKey, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { KeyView } from '../../sidecar/keys/key-view.js'
import { prepareLab, runLab } from './lab.js'
import { svidecar, temporaryFolder, type ProgramResult } from './running-sidecar.js'

function keyProvider(folder: string): string {
  writeFileSync(join(folder, 'store.key'), randomBytes(32), { mode: 0o600 })
  return `
key_provider "store" {
  type           = "Software"
  store          = "encrypted"
  key_store_dir  = "${join(folder, 'keys')}"
  store_key_file = "${join(folder, 'store.key')}"
}
`
}

/** A file with one key provider, and the command on it. */
function prepare(t: TestContext) {
  const folder = temporaryFolder(t)
  const config = join(folder, 'keys.conf')
  const authority = `authority "lab" { listen = "unix:${join(folder, 'ca.sock')}" trust_domain = "lab.test" }`
  writeFileSync(config, `${authority}\n${keyProvider(folder)}`)
  const keys = (...args: string[]): Promise<ProgramResult> => svidecar(['keys', ...args, '--config', config])
  return { folder, keys }
}

function listed({ status, stdout, stderr }: ProgramResult): readonly KeyView[] {
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout) as readonly KeyView[]
}

test('a key is created, listed, shown, signs a request for an ID, and is deleted', async (t) => {
  const { folder, keys } = prepare(t)
  assert.equal((await keys('list')).stdout, 'no keys\n')
  const created = await keys('create', 'signing', '--type', 'ec-p384')
  assert.equal(created.status, 0, created.stderr)
  const expected: KeyView = {
    name: 'signing',
    provider: 'store',
    providerType: 'Software',
    identity: 'svidecar/operator',
    type: 'ec-p384',
    residency: 'software',
    lifetime: 'persistent',
    missing: null,
  }
  assert.deepEqual(listed(await keys('list', '--json')), [expected])
  const table = await keys('list')
  assert.match(table.stdout, /^signing +store +svidecar\/operator +ec-p384 +software +persistent +present$/m)
  const shown = JSON.parse((await keys('show', 'signing', '--json')).stdout) as { publicKey: string }
  assert.equal(createPublicKey(shown.publicKey).asymmetricKeyDetails?.namedCurve, 'secp384r1')

  const csr = await keys('csr', 'signing', '--spiffe-id', 'spiffe://example.org/a')
  assert.equal(csr.status, 0, csr.stderr)
  writeFileSync(join(folder, 'request.pem'), csr.stdout)
  const args = ['req', '-in', join(folder, 'request.pem'), '-noout', '-verify', '-text']
  const text = execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  assert.match(text, /URI:spiffe:\/\/example\.org\/a/)

  assert.equal((await keys('delete', 'signing')).stdout, 'deleted "signing" of svidecar/operator (software)\n')
  assert.deepEqual(listed(await keys('list', '--json')), [])
  const check = await keys('check')
  assert.deepEqual([check.status, check.stdout], [0, 'every key is on its device, and nothing else\n'])
})

test('what cannot be done is said in a sentence, with exit 1, and a wrong command line with exit 2', async (t) => {
  const { folder, keys } = prepare(t)
  const cases: readonly (readonly [args: readonly string[], status: number, stderr: RegExp])[] = [
    [['show', 'none'], 1, /there is no key "none": see svidecar keys list/],
    [['create', 'one', '--provider', 'other'], 1, /there is no key provider "other", only "store"/],
    [['create', 'one', '--identity', 'svidecar/identity/a'], 1, /are made by svidecar itself/],
    [['create', 'one', '--type', 'ec-p257'], 2, /a key's type is one of ec-p256, /],
    [['create'], 2, /"keys create" needs the NAME of a key/],
    [['csr', 'one'], 2, /needs --spiffe-id/],
    [['burn', 'one'], 2, /there is no "keys burn", only list, show, create, delete, csr, check/],
    [['list', 'one'], 2, /"keys list" takes no name/],
  ]
  for (const [args, status, stderr] of cases) {
    const result = await keys(...args)
    assert.equal(result.status, status, `${args.join(' ')}: ${result.stderr}`)
    assert.match(result.stderr, stderr)
  }
  await keys('create', 'one')
  assert.match((await keys('create', 'one')).stderr, /there is a key of that name already/)
  assert.match((await keys('csr', 'one', '--spiffe-id', 'http://x')).stderr, /^svidecar: .*spiffe/)
  const [file] = readdirSync(join(folder, 'keys')).filter((name) => name.endsWith('.key'))
  assert.ok(file)
  writeFileSync(join(folder, 'keys', file), readFileSync(join(folder, 'keys', file)).subarray(0, 40))
  const damaged = await keys('list')
  assert.equal(damaged.status, 1)
  assert.ok(damaged.stderr.includes(file), 'the damaged file is named')
})

test('a running svidecar is asked for its keys, whose store is locked, and keeps those it uses', async (t) => {
  const lab = prepareLab(t, [])
  const running = runLab(
    t,
    { ...lab, preamble: lab.preamble.replace('identity "server" {', 'identity "server" {\n  key_provider = "store"') },
    keyProvider(lab.folder),
  )
  await running.ready()
  const keys = (...args: string[]): Promise<ProgramResult> =>
    svidecar(['keys', ...args, '--config', running.configFile])
  const own = listed(await keys('list', '--json')).find(({ identity }) => identity === 'svidecar/identity/server')
  assert.equal(own?.residency, 'software')
  assert.equal(own?.lifetime, 'volatile')
  const refused = await keys('delete', own?.name ?? '')
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /belongs to "svidecar\/identity\/server" of the running svidecar: stop it first/)
  const created = await keys('create', 'mine', '--provider', 'store')
  assert.equal(created.status, 0, created.stderr)
  assert.ok(listed(await keys('list', '--json')).some(({ name }) => name === 'mine'))
  assert.equal((await keys('check')).status, 0)

  const direct = join(lab.folder, 'direct.conf')
  writeFileSync(direct, readFileSync(running.configFile, 'utf8').replace(/^admin .*$/m, ''))
  const locked = await svidecar(['keys', 'list', '--config', direct])
  assert.equal(locked.status, 1)
  assert.match(locked.stderr, /the key store ".*keys" is in use already: is another svidecar running with it\?/)

  await running.stop()
  assert.deepEqual(
    listed(await keys('list', '--json')).map(({ name }) => name),
    ['mine'],
  )
})

test('a changed key_provider that keeps its key store is refused by a reload, which names the block and says why', async (t) => {
  const lab = prepareLab(t, [])
  const block = keyProvider(lab.folder)
  const running = runLab(t, lab, block)
  await running.ready()
  writeFileSync(join(lab.folder, 'other.key'), randomBytes(32), { mode: 0o600 })
  running.writeConfig(lab.preamble + block.replace('store.key', 'other.key'))
  const { succeeded, faults } = await running.reload()
  assert.equal(succeeded, false)
  assert.deepEqual(faults, ['key_provider "store": only a restart can change it and keep its key_store_dir'])
})
