import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openMemoryProvider, signingKeyTypes } from '../../../parsec-core/index.js'
import { parseSpiffeId, verifyX509Svid, type X509Bundle } from '../../../workload-api/index.js'
import type { IssuedSvid } from '../../../sidecar/authority/certificate-authority.js'
import type { RootStore } from '../../../sidecar/authority/root.js'
import { newSigner, only, openCertificateAuthority, temporaryFolder, trustDomain } from './authority-fixture.js'

const folder = temporaryFolder()
after(() => folder[Symbol.dispose]())

const id = parseSpiffeId('spiffe://lab.test/a')
const start = new Date('2030-01-01T00:00:00Z')

function at(seconds: number): Date {
  return new Date(start.getTime() + seconds * 1000)
}

function assertVerifies(svid: IssuedSvid, bundle: X509Bundle, time: Date): void {
  for (const usage of ['client', 'server'] as const) {
    assert.equal(verifyX509Svid(svid.chain, new Map([[trustDomain, bundle]]), { usage, time }).id, id)
  }
}

async function openLab(options: Parameters<typeof openCertificateAuthority>[2] = {}) {
  const provider = await openMemoryProvider('authority')
  return { provider, ...(await openCertificateAuthority(provider, start, options)) }
}

for (const keyType of signingKeyTypes) {
  test(`an authority with a key of type ${keyType} issues an SVID that keeps every rule`, async () => {
    const { authority } = await openLab({ keyType })
    const svid = await authority.issue({ id, publicKey: (await newSigner()).publicKey }, start)
    assertVerifies(svid, authority.bundle, start)
  })
}

test('openssl verifies the chain with x509_strict, and finds what X509-SVID asks of leaf and authority', async () => {
  const { authority } = await openLab()
  const svid = await authority.issue({ id, publicKey: (await newSigner()).publicKey }, start)
  const write = (name: string, der: Uint8Array) => {
    writeFileSync(join(folder.path, name), new X509Certificate(der).toString())
    return join(folder.path, name)
  }
  const leaf = write('leaf.pem', only(svid.chain))
  const root = write('root.pem', only(authority.bundle.x509Authorities))
  const time = String(start.getTime() / 1000)
  execFileSync('openssl', ['verify', '-x509_strict', '-attime', time, '-purpose', 'sslserver', '-CAfile', root, leaf])
  const show = (file: string) => execFileSync('openssl', ['x509', '-noout', '-text', '-in', file], { encoding: 'utf8' })
  assert.match(show(leaf), /Basic Constraints: critical\s+CA:FALSE/u)
  assert.match(show(leaf), /X509v3 Key Usage: critical\s+Digital Signature\n/u)
  assert.match(show(leaf), /Subject Alternative Name: critical\s+URI:spiffe:\/\/lab\.test\/a\n/u)
  assert.match(show(leaf), /TLS Web Server Authentication, TLS Web Client Authentication/u)
  assert.match(show(root), /Basic Constraints: critical\s+CA:TRUE, pathlen:0/u)
  assert.match(show(root), /X509v3 Key Usage: critical\s+Certificate Sign, CRL Sign\n/u)
  assert.match(show(root), /Subject Alternative Name:\s+URI:spiffe:\/\/lab\.test\n/u)
})

test('an SVID begins ten seconds early, lives svid_ttl, and no two have one serial number', async () => {
  const { authority } = await openLab()
  const { publicKey } = await newSigner()
  const svids = await Promise.all(Array.from({ length: 20 }, () => authority.issue({ id, publicKey }, start)))
  for (const svid of svids) {
    assert.deepEqual([svid.notBefore, svid.notAfter], [at(-10), at(60)])
  }
  const serials = new Set(svids.map((svid) => new X509Certificate(only(svid.chain)).serialNumber))
  assert.equal(serials.size, 20)
})

test('an SVID never outlives the authority that signed it', async () => {
  const { authority } = await openLab({ svidTtlMs: 10_000_000 })
  const svid = await authority.issue({ id, publicKey: (await newSigner()).publicKey }, at(1))
  assert.deepEqual(svid.notAfter, at(600))
})

test('the next authority is in the bundle long before it signs, and the old one as long as it is valid', async () => {
  const { authority } = await openLab()
  const { publicKey } = await newSigner()
  const [first] = authority.bundle.x509Authorities
  assert.ok(first)
  const firstBundle = authority.bundle
  await authority.advance(at(300))
  assert.equal(authority.bundle.x509Authorities.length, 2)
  assertVerifies(await authority.issue({ id, publicKey }, at(490)), firstBundle, at(490))
  const late = await authority.issue({ id, publicKey }, at(510))
  assert.throws(() => verifyX509Svid(late.chain, new Map([[trustDomain, firstBundle]]), { time: at(510) }))
  assertVerifies(late, authority.bundle, at(510))
  await authority.advance(at(600))
  assert.ok(authority.bundle.x509Authorities.some((der) => Buffer.from(der).equals(first)))
  await authority.advance(at(601))
  assert.ok(!authority.bundle.x509Authorities.some((der) => Buffer.from(der).equals(first)))
})

test('through three lives of the authority every SVID verifies with the bundle its peer fetched at its own renewal', async () => {
  const { authority } = await openLab({ svidTtlMs: 120_000 })
  const { publicKey } = await newSigner()
  // A peer renews at half of its SVID's life: the oldest bundle in use anywhere is that old.
  const bundles: { readonly time: number; readonly bundle: X509Bundle }[] = []
  for (let time = 0; time < 1800; time += 20) {
    const svid = await authority.issue({ id, publicKey }, at(time))
    bundles.push({ time, bundle: authority.bundle })
    for (const { bundle, time: fetched } of bundles) {
      if (fetched >= time - 60) assertVerifies(svid, bundle, at(time))
    }
  }
})

test('a change of the bundle is told at once, and only a change', async () => {
  const { authority } = await openLab()
  let told = 0
  const stop = authority.onBundleChange(() => (told += 1))
  await authority.advance(at(10))
  assert.equal(told, 0)
  await authority.advance(at(300))
  assert.equal(told, 1)
  await authority.advance(at(500))
  assert.equal(told, 1, 'who signs changed, the bundle did not')
  stop()
  await authority.advance(at(700))
  assert.equal(told, 1)
})

test('the keys of a retired authority are destroyed, and with the authority all of them', async () => {
  const { authority, provider } = await openLab()
  await authority.advance(at(300))
  assert.equal(provider.listKeys().length, 4)
  await authority.advance(at(500))
  assert.equal(provider.listKeys().length, 2)
  await authority.close()
  assert.equal(provider.listKeys().length, 0)
})

test('after a sleep beyond every end it begins anew at the next request', async () => {
  const { authority } = await openLab()
  const late = at(1_000_000)
  const svid = await authority.issue({ id, publicKey: (await newSigner()).publicKey }, late)
  assertVerifies(svid, authority.bundle, late)
})

test('a rotation that cannot be stored leaves the old authority signing, leaves no key, and is tried again', async () => {
  let full = false
  const store: RootStore = {
    load: async () => [],
    close: () => undefined,
    save: async () => {
      if (full) throw new Error('no space left')
    },
  }
  const { authority, provider, troubles } = await openLab({ store })
  full = true
  await authority.advance(at(300))
  assert.equal(provider.listKeys().length, 2)
  assert.equal(authority.bundle.x509Authorities.length, 1)
  assertVerifies(
    await authority.issue({ id, publicKey: (await newSigner()).publicKey }, at(301)),
    authority.bundle,
    at(301),
  )
  assert.deepEqual(troubles, ['the authority could not be rotated'])
  full = false
  await authority.advance(at(311))
  assert.equal(authority.bundle.x509Authorities.length, 2)
})

test('a key provider that fails makes requests fail', async () => {
  const { authority, provider } = await openLab()
  await provider.close()
  await assert.rejects(authority.issue({ id, publicKey: (await newSigner()).publicKey }, at(1)))
})
