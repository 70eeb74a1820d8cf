import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { openMemoryProvider, type Provider, type SigningKeyType } from '../../../parsec-core/index.js'
import {
  parseSpiffeId,
  validateJwtSvid,
  WorkloadApiClient,
  type JwtBundleSet,
  type JwtSvid,
} from '../../../workload-api/index.js'
import type { CertificateAuthority } from '../../../sidecar/authority/certificate-authority.js'
import { openRootStore } from '../../../sidecar/authority/root-store.js'
import {
  openAuthority,
  openCertificateAuthority,
  ownUid,
  temporaryFolder,
  trustDomain,
  writeRegistrations,
} from './authority-fixture.js'

const a = parseSpiffeId('spiffe://lab.test/a')
const b = parseSpiffeId('spiffe://lab.test/b')
const start = new Date('2030-01-01T00:00:00Z')
const after = (milliseconds: number) => new Date(start.getTime() + milliseconds)
const order = { id: a, audience: ['billing'], hint: '' }

/** A client of the authority's Workload API, closed with its scope. */
function openClient(socket: string) {
  const client = new WorkloadApiClient({ address: `unix:${socket}` })
  return { client, [Symbol.asyncDispose]: () => client.close() }
}

function bundlesOf(authority: CertificateAuthority): JwtBundleSet {
  return new Map([[trustDomain, authority.jwtBundle]])
}

async function assertGood(svid: JwtSvid, bundles: JwtBundleSet, time: Date): Promise<void> {
  assert.equal((await validateJwtSvid(svid.marshal(), bundles, { audience: ['billing'], time })).id, a)
}

describe('the JWT profile of the authority', () => {
  test('a registered user gets a token for each identity with its hint, verified by the bundle it serves', async () => {
    using folder = temporaryFolder()
    const registrationFile = writeRegistrations(folder.path, [
      { uid: ownUid, ids: [a], hint: 'first' },
      { uid: ownUid, ids: [b], hint: 'second' },
    ])
    await using lab = await openAuthority(folder.path, { registrationFile })
    await using workload = openClient(lab.config.listen.path)
    const svids = await workload.client.fetchJwtSvids({ audience: ['billing', 'reports'] })
    assert.deepEqual(
      svids.map(({ id, hint }) => [id, hint]),
      [
        [a, 'first'],
        [b, 'second'],
      ],
    )
    const bundles = await workload.client.fetchJwtBundles()
    for (const svid of svids) {
      const { id, audience } = await validateJwtSvid(svid.marshal(), bundles, { audience: ['reports'] })
      assert.deepEqual([id, audience], [svid.id, ['billing', 'reports']])
      assert.equal((await workload.client.validateJwtSvid(svid.marshal(), 'billing')).id, svid.id)
    }
  })

  test('a token for an identity that is not the caller’s, and every call of who has none, is PermissionDenied', async () => {
    using folder = temporaryFolder()
    const registrationFile = writeRegistrations(folder.path, [{ uid: ownUid, ids: [a] }])
    await using lab = await openAuthority(folder.path, { registrationFile })
    await using workload = openClient(lab.config.listen.path)
    const denied = { code: 'ERR_WORKLOAD_API_PERMISSION_DENIED' }
    await assert.rejects(workload.client.fetchJwtSvid({ audience: ['billing'], subject: b }), denied)
    const token = (await workload.client.fetchJwtSvid({ audience: ['billing'] })).marshal()
    writeRegistrations(folder.path, [{ uid: ownUid + 1, ids: [a] }])
    await lab.authority.reload()
    await assert.rejects(workload.client.fetchJwtSvid({ audience: ['billing'] }), denied)
    await assert.rejects(workload.client.fetchJwtBundles(), denied)
    await assert.rejects(workload.client.validateJwtSvid(token, 'billing'), denied)
  })

  test('tokens are signed by the authority’s JWT key and none of them is in its log', async () => {
    using folder = temporaryFolder()
    await using lab = await openAuthority(folder.path)
    await using workload = openClient(lab.config.listen.path)
    const token = (await workload.client.fetchJwtSvid({ audience: ['billing'] })).marshal()
    const tampered = `${token.slice(0, -8)}AAAAAAAA`
    await assert.rejects(workload.client.validateJwtSvid(tampered, 'billing'), {
      code: 'ERR_WORKLOAD_API_INVALID_ARGUMENT',
    })
    const log = JSON.stringify(lab.log.lines)
    assert.match(log, /a Workload API call failed/)
    for (const part of token.split('.')) assert.ok(!log.includes(part))
  })
})

const types: readonly SigningKeyType[] = ['ec-p256', 'ec-p384', 'ec-p521', 'rsa-2048']

for (const keyType of types) {
  test(`tokens of an authority with ${keyType} keys are good`, async () => {
    const provider = await openMemoryProvider('memory')
    const { authority } = await openCertificateAuthority(provider, start, { keyType })
    await assertGood(await authority.issueJwt(order, start), bundlesOf(authority), start)
    await authority.close()
    await provider.close()
  })
}

describe('the JWT keys of the authority', () => {
  test('rotate with it: published before they sign, and as long as their tokens last', async () => {
    const provider = await openMemoryProvider('memory')
    const { authority } = await openCertificateAuthority(provider, start, { caTtlMs: 600_000 })
    const old = bundlesOf(authority)
    const first = await authority.issueJwt(order, start)
    await authority.advance(after(300_000))
    const both = bundlesOf(authority)
    assert.equal(authority.jwtBundle.jwtAuthorities.size, 2)
    // Five sixths: the next one signs; who has the bundle of half of its life knows its key.
    const second = await authority.issueJwt(order, after(510_000))
    await assertGood(second, both, after(510_000))
    await assert.rejects(validateJwtSvid(second.marshal(), old, { audience: ['billing'], time: after(510_000) }), {
      code: 'ERR_JWT_SVID_KEY_NOT_FOUND',
    })
    await assertGood(first, bundlesOf(authority), after(30_000))
    await authority.advance(after(602_000))
    const [oldKeyId] = [...old.values()].flatMap(({ jwtAuthorities }) => [...jwtAuthorities.keys()])
    assert.ok(oldKeyId !== undefined && !authority.jwtBundle.jwtAuthorities.has(oldKeyId))
    // Of the active authority and the next one, two keys each; of the one that ended neither.
    assert.equal(provider.listKeys().length, 4)
    await authority.close()
    assert.equal(provider.listKeys().length, 0)
    await provider.close()
  })

  test('sign tokens for five minutes, for the life of an SVID, or to the end of the authority, whichever is first', async () => {
    const provider = await openMemoryProvider('memory')
    const long = await openCertificateAuthority(provider, start, { caTtlMs: 3_600_000, svidTtlMs: 3_600_000 })
    const short = await openCertificateAuthority(provider, start, { caTtlMs: 600_000, svidTtlMs: 60_000 })
    const lastly = await openCertificateAuthority(provider, start, { caTtlMs: 120_000, svidTtlMs: 3_600_000 })
    const ends = await Promise.all(
      [long, short, lastly].map(({ authority }) => authority.issueJwt(order, start).then(({ expiresAt }) => expiresAt)),
    )
    assert.deepEqual(ends, [after(300_000), after(60_000), after(120_000)])
    await provider.close()
  })

  const stored = async (folder: string, provider: Provider, now: Date) => {
    const store = await openRootStore(join(folder, 'data'), trustDomain)
    return openCertificateAuthority(provider, now, { store })
  }

  test('are the same after a restart, and so tokens stay good', async () => {
    using folder = temporaryFolder()
    const provider = await openMemoryProvider('memory')
    const before = await stored(folder.path, provider, start)
    const svid = await before.authority.issueJwt(order, start)
    await before.authority.close()
    const { authority, troubles } = await stored(folder.path, provider, after(1_000))
    assert.deepEqual(troubles, [])
    await assertGood(svid, bundlesOf(authority), after(1_000))
    const next = await authority.issueJwt(order, after(1_000))
    assert.ok(authority.jwtBundle.jwtAuthorities.size === 1)
    await assertGood(next, bundlesOf(authority), after(1_000))
    await authority.close()
  })

  test('are made for the state of a version that had none, which keeps its authority', async () => {
    using folder = temporaryFolder()
    const provider = await openMemoryProvider('memory')
    const before = await stored(folder.path, provider, start)
    await before.authority.close()
    const path = join(folder.path, 'data', 'authority.json')
    const state = JSON.parse(readFileSync(path, 'utf8'))
    for (const root of state.authorities) {
      delete root.jwtKeyName
      delete root.jwtPublicKey
    }
    writeFileSync(path, JSON.stringify(state))
    const upgraded = await stored(folder.path, provider, start)
    assert.ok(upgraded.authority.bundle.equals(before.authority.bundle))
    const svid = await upgraded.authority.issueJwt(order, start)
    await upgraded.authority.close()
    const { authority, troubles } = await stored(folder.path, provider, start)
    assert.deepEqual(troubles, [])
    await assertGood(svid, bundlesOf(authority), start)
    await authority.close()
  })

  test('that cannot be read in the state are a fault at start', async () => {
    using folder = temporaryFolder()
    const provider = await openMemoryProvider('memory')
    await (await stored(folder.path, provider, start)).authority.close()
    const path = join(folder.path, 'data', 'authority.json')
    const text = readFileSync(path, 'utf8')
    for (const spoiled of ['"AAAA"', '7']) {
      writeFileSync(path, text.replace(/("jwtPublicKey": )"[^"]+"/, `$1${spoiled}`))
      await assert.rejects(stored(folder.path, provider, start), { code: 'ERR_AUTHORITY_STATE' })
    }
  })
})
