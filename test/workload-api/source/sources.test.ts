import assert from 'node:assert/strict'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { status } from '@grpc/grpc-js'
import {
  BundleSource,
  JwtSource,
  JwtSvid,
  parseTrustDomain,
  SpiffeBundle,
  SpiffeError,
  X509Source,
  type JwtBundleSet,
  type JwtSvidOrder,
  type X509Context,
} from '../../../workload-api/index.js'
import { FakeCa } from '../../fakes/fake-ca.js'
import { FakeWorkloadApi, fakeSvid } from '../../fakes/fake-workload-api.js'
import { SocketFolder } from '../client/watching.js'
import { LocalWorkloadApi, Told } from '../local-workload-api.js'
import { bundleOf, bundlesOf, FakeJwtIssuer, svidOf } from '../material.js'

const ca = FakeCa.create('example.org')
const issuer = new FakeJwtIssuer('example.org')

function context(...paths: readonly string[]): X509Context {
  return { svids: paths.map((path) => svidOf(ca, path, {}, path.slice(1))), bundles: bundlesOf(ca), crl: [] }
}

function serve(told: Told<X509Context>): Promise<LocalWorkloadApi> {
  return LocalWorkloadApi.start({ watchX509Context: (_peer, signal) => told.watch(signal) })
}

/** The first fault of a source that has this code. */
class Faults {
  readonly codes: unknown[] = []
  readonly #waiting = new Set<() => void>()
  readonly onFault = (error: unknown): void => {
    this.codes.push(error instanceof SpiffeError ? error.code : error)
    for (const wake of this.#waiting) wake()
  }

  async until(code?: string): Promise<void> {
    while (code === undefined ? this.codes.length === 0 : !this.codes.includes(code))
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
  }
}

describe('an X.509 source', () => {
  test('of material that never changes is a source like any other', async () => {
    const svid = svidOf(ca, '/a')
    await using source = X509Source.of(svid, bundlesOf(ca))
    assert.equal(source.snapshot().svid, svid)
    assert.equal((await source.ready()).svid, svid)
    for await (const snapshot of source.updates()) {
      assert.equal(snapshot.svid, svid)
      break
    }
  })

  test('gives SVID and bundles of one moment, and each rotation to all its readers', async () => {
    const told = new Told(context('/one'))
    await using api = await serve(told)
    await using source = await X509Source.create({ address: api.address })
    const [first, second] = [source.updates(), source.updates()]
    const before = source.snapshot()
    assert.equal((await first.next()).value, before)
    assert.equal((await second.next()).value, before)
    told.tell(context('/two'))
    for (const { value } of await Promise.all([first.next(), second.next()])) {
      assert.ok(value && value.bundles !== before.bundles)
      assert.equal(value.svid.id, 'spiffe://example.org/two')
    }
    assert.equal(before.svid.id, 'spiffe://example.org/one')
    assert.equal(source.snapshot().svid.id, 'spiffe://example.org/two')
  })

  test('chooses among several SVIDs by hint, and has none when none is wanted', async () => {
    const told = new Told(context('/a', '/b'))
    await using api = await serve(told)
    await using client = api.client()
    const faults = new Faults()
    const picker: NonNullable<Parameters<typeof X509Source.open>[0]>['picker'] = (svids) =>
      svids.find(({ hint }) => hint === 'b')
    await using source = await X509Source.create({ client, picker, onFault: faults.onFault })
    assert.equal(source.snapshot().svid.id, 'spiffe://example.org/b')
    told.tell(context('/a'))
    await faults.until('ERR_SOURCE_NOT_READY')
    assert.throws(() => source.snapshot(), { code: 'ERR_SOURCE_NOT_READY' })
  })

  test('that is not ready at its deadline says why, and nothing of it goes on', async () => {
    await using folder = await SocketFolder.make()
    await assert.rejects(X509Source.create({ address: folder.socket, timeoutMs: 50 }), (error: SpiffeError) => {
      assert.equal(error.code, 'ERR_SOURCE_NOT_READY')
      assert.equal((error.cause as SpiffeError).code, 'ERR_WORKLOAD_API_SOCKET_MISSING')
      return true
    })
    const stop = new AbortController()
    const creating = X509Source.create({ address: folder.socket, signal: stop.signal })
    stop.abort(new Error('enough'))
    await assert.rejects(creating, /enough/)
  })

  test('withdraws at PermissionDenied, asks for ever, and has it again when it is given back', async () => {
    const told = new Told(context('/a'))
    await using api = await serve(told)
    const faults = new Faults()
    await using client = api.client()
    await using source = await X509Source.create({ client, onFault: faults.onFault })
    await using keeping = await X509Source.create({ client, keepWhenDenied: true })
    const updates = source.updates()
    await updates.next()
    told.deny()
    await faults.until('ERR_WORKLOAD_API_PERMISSION_DENIED')
    assert.throws(() => source.snapshot(), { code: 'ERR_WORKLOAD_API_PERMISSION_DENIED' })
    assert.equal(keeping.snapshot().svid.id, 'spiffe://example.org/a')
    const next = updates.next()
    told.tell(context('/a'))
    assert.equal((await next).done, false)
    assert.equal(source.snapshot().svid.id, 'spiffe://example.org/a')
  })

  test('whose agent is gone gives the last SVID until it expires, then fails closed', async () => {
    const notAfter = new Date(Math.ceil(Date.now() / 1000) * 1000 + 1_000)
    const told = new Told({ ...context(), svids: [svidOf(ca, '/a', { notAfter })] })
    await using api = await serve(told)
    const faults = new Faults()
    await using client = api.client()
    await using source = await X509Source.create({ client, onFault: faults.onFault })
    await api.stop()
    await faults.until('ERR_WORKLOAD_API_UNAVAILABLE')
    assert.equal(source.snapshot().svid.id, 'spiffe://example.org/a')
    while (Date.now() <= notAfter.getTime()) await new Promise((resolve) => setTimeout(resolve, 20))
    assert.throws(() => source.snapshot(), { code: 'ERR_X509_SVID_EXPIRED' })
  })

  test('for whom InvalidArgument is fatal tells it to whoever waits', async () => {
    await using folder = await SocketFolder.make()
    await using _agent = await FakeWorkloadApi.start(folder.socket, { code: status.INVALID_ARGUMENT })
    await assert.rejects(X509Source.create({ address: folder.socket }), { code: 'ERR_WORKLOAD_API_INVALID_ARGUMENT' })
    await using source = X509Source.open({ address: folder.socket })
    await assert.rejects(source.updates().next(), { code: 'ERR_WORKLOAD_API_INVALID_ARGUMENT' })
    assert.throws(() => source.snapshot(), { code: 'ERR_WORKLOAD_API_INVALID_ARGUMENT' })
  })

  test('a malformed answer never replaces a good one', async () => {
    await using folder = await SocketFolder.make()
    const good = fakeSvid(ca, ca.issue('/a'), '/a')
    await using agent = await FakeWorkloadApi.start(folder.socket, { svids: [good] })
    for (const bad of [
      { ...good, x509Svid: Buffer.from('nonsense') },
      { ...good, x509SvidKey: ca.issue('/a').pkcs8 },
      { ...good, bundle: Buffer.alloc(0) },
      { ...good, bundle: FakeCa.create('example.org').certificate },
    ]) {
      const faults = new Faults()
      agent.sayToTheNext({ svids: [good] })
      await using source = await X509Source.create({ address: folder.socket, onFault: faults.onFault })
      const before = source.snapshot()
      agent.say({ svids: [bad] })
      await faults.until()
      assert.equal(source.snapshot(), before)
    }
  })

  test('that is closed ends its readers, closes its own client and not one it was given', async () => {
    const told = new Told(context('/a'))
    await using api = await serve(told)
    await using client = api.client()
    const source = await X509Source.create({ client })
    const updates = source.updates()
    await updates.next()
    const next = updates.next()
    await source.close()
    assert.equal((await next).done, true)
    assert.throws(() => source.snapshot(), { code: 'ERR_SOURCE_CLOSED' })
    await assert.rejects(source.ready(), { code: 'ERR_SOURCE_CLOSED' })
    assert.equal((await client.fetchX509Context()).svids.length, 1)
  })

  test('of a folder follows its files, and keeps what is whole while they are written', async () => {
    const path = await mkdtemp(join(tmpdir(), 'svidecar-'))
    const faults = new Faults()
    const write = async (name: string, text: string): Promise<void> => {
      await writeFile(join(path, `.${name}`), text)
      await rename(join(path, `.${name}`), join(path, name))
    }
    const [old, young] = [ca.issue('/old'), ca.issue('/young')]
    await write('svid.pem', old.chainPem)
    await write('svid_key.pem', old.keyPem)
    await write('svid_bundle.pem', ca.certificatePem)
    const source = X509Source.folder({ path, intervalMs: 5, onFault: faults.onFault })
    const updates = source.updates()
    await updates.next()
    await write('svid.pem', young.chainPem)
    await faults.until('ERR_X509_SVID_KEY_MISMATCH')
    assert.equal(source.snapshot().svid.id, 'spiffe://example.org/old')
    await write('svid_key.pem', young.keyPem)
    await updates.next()
    assert.equal(source.snapshot().svid.id, 'spiffe://example.org/young')
    await source.close()
    await rm(path, { recursive: true })
  })
})

describe('a bundle source', () => {
  const example = new SpiffeBundle(parseTrustDomain('example.org'), {
    x509Authorities: [ca.certificate],
    jwtAuthorities: issuer.bundle.jwtAuthorities,
  })

  test('of bundles that never change has both uses apart', async () => {
    await using source = BundleSource.of([example])
    const { x509, jwt } = source.snapshot()
    assert.ok(x509.get(example.trustDomain)?.equals(bundleOf(ca)))
    assert.ok(jwt.get(example.trustDomain)?.equals(issuer.bundle))
  })

  test('of a folder has a bundle for each file, and all or none', async () => {
    const path = await mkdtemp(join(tmpdir(), 'svidecar-'))
    await writeFile(join(path, 'example.org.json'), example.marshal())
    await writeFile(join(path, 'partner.org.pem'), FakeCa.create('partner.org').certificatePem)
    await writeFile(join(path, 'README'), 'not read')
    const faults = new Faults()
    const source = BundleSource.folder({ path, intervalMs: 5, onFault: faults.onFault })
    const before = await source.ready()
    assert.deepEqual([...before.x509.keys()], ['example.org', 'partner.org'])
    assert.deepEqual([...before.jwt.keys()], ['example.org'])
    await writeFile(join(path, 'other.org.json'), '{')
    await faults.until('ERR_SPIFFE_BUNDLE_INVALID')
    assert.equal(source.snapshot(), before)
    const updates = source.updates()
    await updates.next()
    await rm(join(path, 'other.org.json'))
    await rm(join(path, 'partner.org.pem'))
    await updates.next()
    assert.deepEqual([...source.snapshot().x509.keys()], ['example.org'])
    await source.close()
    await rm(path, { recursive: true })
  })

  test('of a Workload API has the bundles of both profiles, or of the one that is offered', async () => {
    const x509 = new Told(context('/a'))
    const jwt = new Told<JwtBundleSet>(issuer.bundles)
    await using both = await LocalWorkloadApi.start({
      watchX509Context: (_peer, signal) => x509.watch(signal),
      watchJwtBundles: (_peer, signal) => jwt.watch(signal),
    })
    await using source = await BundleSource.create({ address: both.address })
    for await (const { x509, jwt } of source.updates()) if (x509.size === 1 && jwt.size === 1) break
    await using one = await serve(x509)
    await using other = await BundleSource.create({ address: one.address })
    assert.deepEqual([...other.snapshot().x509.keys()], ['example.org'])
  })
})

describe('a JWT source', () => {
  const bundles = new Told<JwtBundleSet>(issuer.bundles)

  async function start(issue: (order: JwtSvidOrder) => string): Promise<LocalWorkloadApi> {
    return LocalWorkloadApi.start({
      watchJwtBundles: (_peer, signal) => bundles.watch(signal),
      fetchJwtSvids: async (_peer, order) => [JwtSvid.unsafeParse(issue(order))],
    })
  }

  test('keeps tokens by audience and subject, whatever the order of the names', async () => {
    let issued = 0
    await using api = await start(({ audience }) => issuer.issue({ aud: audience, jti: `${(issued += 1)}` }))
    await using source = await JwtSource.create({ address: api.address })
    const one = await source.fetchJwtSvid({ audience: ['a', 'b'] })
    assert.equal(await source.fetchJwtSvid({ audience: ['b', 'a'] }), one)
    assert.notEqual(await source.fetchJwtSvid({ audience: ['a,b'] }), one)
    assert.notEqual(await source.fetchJwtSvid({ audience: ['a', 'b'], subject: one.id }), one)
    assert.equal(issued, 3)
    assert.equal((await source.validateJwtSvid(one.marshal(), { audience: ['a'] })).id, one.id)
  })

  test('asks once however many wait for the same token', async () => {
    let issued = 0
    await using api = await start(({ audience }) => issuer.issue({ aud: audience, jti: `${(issued += 1)}` }))
    await using source = await JwtSource.create({ address: api.address })
    const all = await Promise.all(Array.from({ length: 20 }, () => source.fetchJwtSvid({ audience: ['a'] })))
    assert.deepEqual([new Set(all).size, issued], [1, 1])
  })
})
