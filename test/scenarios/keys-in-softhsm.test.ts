import assert from 'node:assert/strict'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import type { Status } from '../../sidecar/admin/status.js'
import type { KeyView, OrphanView } from '../../sidecar/keys/key-view.js'
import { SoftHsm, softHsmMissing } from '../devices/softhsm.js'
import { EchoBackend, exchange, hold, labId, peerOptions, prepareLab, runLab, serverTunnel, type Lab } from './lab.js'
import { freePort, RunningSidecar, svidecar, until } from './running-sidecar.js'

const skip = softHsmMissing ?? false
let started: SoftHsm | undefined
after(() => started?.remove())
let tokens = 0

/** A key provider block whose keys are token objects: other programs see, and can remove, them. */
function newToken() {
  started ??= new SoftHsm()
  tokens += 1
  const label = `scenario-${tokens}`
  started.initToken(label)
  const store = started.keyStore()
  const settings = Object.entries(started.settings(label, { key_storage: 'token', key_store_dir: store }))
  const block = `key_provider "hsm" {\n  type = "Pkcs11"\n${settings.map(([key, value]) => `  ${key} = ${JSON.stringify(value)}\n`).join('')}}\n`
  return { hsm: started, label, store, block }
}

/** The identity `server` keeps its keys in the token; SVIDs as short as asked. */
function labWithToken(t: TestContext, svidTtl: string) {
  const token = newToken()
  const plain = prepareLab(t, ['peer'], { svidTtl })
  const preamble = plain.preamble.replace('identity "server" {', 'identity "server" {\n  key_provider = "hsm"')
  return { ...token, lab: { ...plain, preamble: token.block + preamble } }
}

/** Handshakes end soon, so that old keys are destroyed soon. */
function quickTunnel(ports: { listen: number; target: number }): string {
  const tunnel = serverTunnel('web', ports, ['peer'])
  return tunnel.replace('mode ', 'handshake_timeout = "1s"\n  connect_timeout = "1s"\n  mode ')
}

function privateKeys(hsm: SoftHsm, label: string): readonly string[] {
  const listed = hsm.tool(label, ['--list-objects', '--type', 'privkey'])
  return [...listed.matchAll(/^\s+ID:\s+([0-9a-f]+)$/gmu)].map(([, id = '']) => id)
}

function serialOf(status: Status): string | undefined {
  return status.identities[0]?.svid?.serialNumber
}

async function start(t: TestContext, lab: Lab) {
  const backend = await EchoBackend.start(t)
  const port = await freePort()
  const tunnel = quickTunnel({ listen: port, target: backend.port })
  const sidecar = runLab(t, lab, tunnel)
  const status = await sidecar.ready()
  return { sidecar, status, port, tunnel, peer: await peerOptions(lab, 'peer') }
}

test(
  'a key deleted behind our back in full traffic is told, and replaced by a new key and SVID, while connections go on',
  { skip },
  async (t) => {
    const { hsm, label, lab } = labWithToken(t, '1h')
    const { sidecar, status, port, peer } = await start(t, lab)
    assert.equal(status.identities[0]?.svid?.residency, 'generated in Pkcs11')
    const held = await hold(t, port, peer)
    const ends = { served: 0, refused: 0 }
    const enough = new AbortController()
    const traffic = (async () => {
      while (!enough.signal.aborted) ends['echoed' in (await exchange(port, peer)) ? 'served' : 'refused'] += 1
    })()
    await until('some traffic was served', () => (ends.served > 10 ? true : undefined))
    const [id] = privateKeys(hsm, label)
    assert.ok(id)
    hsm.tool(label, ['--delete-object', '--type', 'privkey', '--id', id])
    const after = await sidecar.statusWhere(
      'another SVID is in use',
      (now) => now.ready && serialOf(now) !== serialOf(status),
    )
    const before = ends.served
    await until('traffic is served again', () => (ends.served > before + 10 ? true : undefined))
    enough.abort()
    await traffic
    assert.equal(after.identities[0]?.svid?.residency, 'generated in Pkcs11')
    assert.notEqual(privateKeys(hsm, label)[0], id)
    await sidecar.line('the lost key is told', ({ message }) => message === 'a key is gone from its device')
    const counted = await sidecar.statusWhere(
      'refusals are counted',
      ({ tunnels }) => (tunnels[0]?.outcomes['signer_failed'] ?? 0) > 0,
    )
    assert.ok(ends.refused > 0 && counted)
    held.write('still')
    const [echo] = await new Promise<[Buffer]>((resolve) => held.once('data', (chunk: Buffer) => resolve([chunk])))
    assert.equal(String(echo), 'still')
  },
)

test('old key material is destroyed on the device after a rotation, once no handshake uses it', { skip }, async (t) => {
  const { hsm, label, lab } = labWithToken(t, '8s')
  const { sidecar, port, peer } = await start(t, lab)
  const [first] = privateKeys(hsm, label)
  await sidecar.statusWhere('it rotated', ({ identities }) => (identities[0]?.svidsUsed ?? 0) > 1)
  assert.ok(privateKeys(hsm, label).includes(first ?? ''), 'a handshake may still need the first key')
  await until('the first key is destroyed', () => (privateKeys(hsm, label).includes(first ?? '') ? undefined : true))
  assert.deepEqual(await exchange(port, peer), { echoed: 'ping' })
  assert.equal(await sidecar.stop(), 0)
  assert.deepEqual(privateKeys(hsm, label), [])
})

test(
  'a crash between a rotation and the destruction of the old key leaves nothing that the next start does not clean',
  { skip },
  async (t) => {
    const { hsm, label, lab } = labWithToken(t, '8s')
    const { sidecar, tunnel } = await start(t, lab)
    await sidecar.statusWhere('it rotated', ({ identities }) => (identities[0]?.svidsUsed ?? 0) > 1)
    const left = privateKeys(hsm, label)
    assert.ok(left.length > 1, 'the old key is still there')
    await sidecar.kill()
    const again = new RunningSidecar(t, lab.folder, 'lab', lab.preamble + tunnel)
    await again.ready()
    assert.deepEqual(
      privateKeys(hsm, label).filter((id) => left.includes(id)),
      [],
    )
    const check = await svidecar(['keys', 'check', '--json', '--config', again.configFile])
    assert.equal(check.status, 0, check.stdout)
    assert.equal(await again.stop(), 0)
    assert.deepEqual(privateKeys(hsm, label), [])
  },
)

test(
  'svidecar keys check lists a key the token lost and an object no key is, exits with 1, and removes the object when asked',
  { skip },
  async (t) => {
    const { hsm, label, store, lab } = labWithToken(t, '1h')
    const { sidecar } = await start(t, lab)
    const keys = (...args: string[]) => svidecar(['keys', ...args, '--config', sidecar.configFile])
    for (const name of ['kept', 'lost']) assert.equal((await keys('create', name, '--provider', 'hsm')).status, 0)
    assert.equal(await sidecar.stop(), 0)
    const listed = JSON.parse((await keys('list', '--json')).stdout) as readonly KeyView[]
    assert.deepEqual(new Set(listed.map(({ name }) => name)), new Set(['kept', 'lost']))
    assert.ok(listed.every(({ residency }) => residency === 'generated in Pkcs11'))
    hsm.tool(label, ['--delete-object', '--type', 'privkey', '--label', 'svidecar:svidecar/operator/lost'])
    const check = await keys('check', '--json')
    assert.equal(check.status, 1)
    const found = JSON.parse(check.stdout) as { missing: readonly KeyView[]; orphans: readonly OrphanView[] }
    assert.deepEqual(
      found.missing.map(({ name }) => name),
      ['lost'],
    )
    const shown = await keys('list')
    assert.match(shown.stdout, /^lost .*MISSING: /m)
    assert.equal((await keys('csr', 'lost', '--spiffe-id', labId('x'))).status, 1)
    assert.equal((await keys('delete', 'lost')).status, 0)
    forgetKeys(store)
    const orphaned = await keys('check')
    assert.equal(orphaned.status, 1)
    assert.match(orphaned.stdout, /^[0-9a-f]+ +hsm +Pkcs11 +svidecar:svidecar\/operator\/kept +ORPHAN$/m)
    assert.equal((await keys('check')).status, 1, 'nothing is removed unasked')
    assert.equal((await keys('check', '--remove-orphans')).status, 0)
    const clean = await keys('check')
    assert.deepEqual([clean.status, clean.stdout], [0, 'every key is on its device, and nothing else\n'])
    assert.deepEqual(privateKeys(hsm, label), [])
  },
)

test(
  "an authority's CA key stays in the token over a restart, and a new authority takes its place when the token loses it",
  { skip },
  async (t) => {
    const { hsm, label, lab } = labWithToken(t, '8s')
    const block = `data_dir = "${join(lab.folder, 'ca')}"\n  key_provider = "hsm"\n  trust_domain`
    const withKey = { ...lab, preamble: lab.preamble.replace('trust_domain', block) }
    const { sidecar, status, tunnel } = await start(t, withKey)
    const authority = (now: Status) => now.authorities[0]?.authorities[0]?.serialNumber
    const first = authority(status)
    assert.equal(await sidecar.stop(), 0)
    const kept = labelsOfKeys(hsm, label)
    assert.ok(kept.length > 0)
    assert.ok(
      kept.every((name) => name.startsWith('svidecar:svidecar/authority/lab/')),
      kept.join(),
    )
    const again = new RunningSidecar(t, lab.folder, 'lab', withKey.preamble + tunnel)
    assert.equal(authority(await again.ready()), first)

    for (const name of kept) hsm.tool(label, ['--delete-object', '--type', 'privkey', '--label', name])
    await again.line('a new authority is told', ({ message }) => /a new authority takes its place/.test(message))
    await again.statusWhere(
      'the new authority signs',
      (now) => now.ready && (now.authorities[0]?.authorities.length ?? 0) > 1,
    )
  },
)

function labelsOfKeys(hsm: SoftHsm, label: string): readonly string[] {
  const listed = hsm.tool(label, ['--list-objects', '--type', 'privkey'])
  return [...listed.matchAll(/label:\s+(\S+)/gu)].map(([, name = '']) => name)
}

/** What a key store that was lost leaves behind on the device. */
function forgetKeys(store: string): void {
  for (const name of readdirSync(store)) if (name.endsWith('.key')) rmSync(join(store, name))
}
