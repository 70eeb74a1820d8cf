import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { JwtBundle, parseTrustDomain } from '../../../workload-api/index.js'
import type { OutputConfig } from '../../../sidecar/config/output-model.js'
import { planFiles } from '../../../sidecar/outputs/plan-files.js'
import { FakeCa } from '../../fakes/fake-ca.js'
import { outputConfig, TestIdentity } from './output-fixture.js'

async function planned(changes: Partial<OutputConfig>, identity: TestIdentity = new TestIdentity()) {
  if (identity.material === undefined) await identity.rotate()
  const { files } = planFiles(outputConfig('/unused', changes), identity.material, undefined, Date.now())
  return files.map(({ name, content, mode }) => ({ name, text: Buffer.from(content).toString(), mode }))
}

test('the order is bundle, key, chain, each with its mode', async () => {
  const identity = new TestIdentity()
  const issued = await identity.rotate()
  assert.deepEqual(await planned({}, identity), [
    { name: 'svid_bundle.pem', text: identity.ca.certificatePem, mode: 0o644 },
    { name: 'svid_key.pem', text: issued.keyPem, mode: 0o600 },
    { name: 'svid.pem', text: issued.chainPem, mode: 0o644 },
  ])
})

test('equal names make one file, the key first, as secret as the key', async () => {
  const identity = new TestIdentity()
  const { keyPem, chainPem } = await identity.rotate()
  const both = await planned({ keyFileName: 'svid.pem', keyFileMode: 0o640 }, identity)
  assert.deepEqual(both[1], { name: 'svid.pem', text: keyPem + chainPem, mode: 0o640 })
  const all = await planned({ keyFileName: 'svid.pem', bundleFileName: 'svid.pem' }, identity)
  assert.deepEqual(all, [{ name: 'svid.pem', text: keyPem + chainPem + identity.ca.certificatePem, mode: 0o600 }])
})

test('add_intermediates_to_bundle moves all but the leaf from the chain to the end of the bundle', async () => {
  const ca = FakeCa.create('example.org')
  const identity = new TestIdentity(ca)
  const below = ca.intermediate()
  const issued = await identity.rotate(below.issue('/workload'))
  const files = await planned({ addIntermediatesToBundle: true }, identity)
  assert.equal(files[0]?.text, ca.certificatePem + below.certificatePem)
  assert.equal(files[2]?.text, issued.chainPem.replace(below.certificatePem, ''))
})

test('federated bundles enter the bundle file only where they are asked for', async () => {
  const identity = new TestIdentity()
  const partner = FakeCa.create('partner.test')
  identity.federated = [partner]
  await identity.rotate()
  assert.equal((await planned({}, identity))[0]?.text, identity.ca.certificatePem)
  const merged = await planned({ includeFederatedDomains: true }, identity)
  assert.equal(merged[0]?.text, identity.ca.certificatePem + partner.certificatePem)
})

test('bundle_per_trust_domain gives each trust domain a file of its own', async () => {
  const identity = new TestIdentity()
  const partner = FakeCa.create('partner.test')
  identity.federated = [partner]
  await identity.rotate()
  const files = await planned({ bundlePerTrustDomain: true, bundleFileName: undefined }, identity)
  assert.deepEqual(files.slice(0, 2), [
    { name: 'bundle.example.org.pem', text: identity.ca.certificatePem, mode: 0o644 },
    { name: 'bundle.partner.test.pem', text: partner.certificatePem, mode: 0o644 },
  ])
})

test('omit_expired leaves expired authorities out, and never the leaf', async () => {
  const hourAgo = new Date(Date.now() - 3_600_000)
  const identity = new TestIdentity(FakeCa.create('example.org', { notAfter: hourAgo }))
  const issued = await identity.rotate(identity.ca.issue('/workload', { notAfter: hourAgo }))
  const files = await planned({ omitExpired: true }, identity)
  assert.deepEqual([files[0]?.text, files[2]?.text], ['', issued.chainPem])
})

test('a key that stays in its device is refused by name', async () => {
  const identity = new TestIdentity()
  await identity.rotate()
  const { material } = identity
  if (material === undefined) throw new TypeError('no material')
  const { publicKey, algorithms } = material.signer
  const inDevice = { publicKey, algorithms, residency: 'generated in Tpm', sign: () => Promise.reject(new Error()) }
  const held = { ...material, signer: inDevice }
  assert.throws(() => planFiles(outputConfig('/unused'), held, undefined, 0), {
    code: 'ERR_OUTPUT_KEY_NOT_EXPORTABLE',
    message: /generated in Tpm.*declare a second identity/,
  })
  const chainOnly = planFiles(outputConfig('/unused', { keyFileName: undefined }), held, undefined, 0)
  assert.equal(chainOnly.files.length, 2)
})

test('JWT bundles are written as spiffe-helper, as JWKS and as SPIFFE bundle', async () => {
  const identity = new TestIdentity()
  await identity.rotate()
  const key = createPublicKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
  const own = parseTrustDomain('example.org')
  const bundle = JwtBundle.fromJwtAuthorities(own, [['a', key]])
  const jwks = bundle.marshal()
  const jwt = { svids: new Map(), bundles: new Map([[own, bundle]]), problem: undefined }
  const config = outputConfig('/unused', {
    svidFileName: undefined,
    keyFileName: undefined,
    bundleFileName: undefined,
    jwtBundleFileName: 'helper.json',
    jwksFileName: 'jwks.json',
    spiffeBundleFileName: 'spiffe.json',
  })
  const { files, missing } = planFiles(config, identity.material, jwt, 0)
  assert.deepEqual(missing, [])
  const texts = files.map(({ content }) => Buffer.from(content).toString())
  assert.equal(texts[0], JSON.stringify({ 'example.org': Buffer.from(jwks).toString('base64') }))
  assert.equal(texts[1], jwks)
  const { keys } = JSON.parse(texts[2] ?? '') as { keys: { use: string; kid?: string; x5c?: string[] }[] }
  assert.deepEqual(
    keys.map(({ use, kid, x5c }) => [use, kid, x5c]),
    [
      ['x509-svid', undefined, [Buffer.from(identity.ca.certificate).toString('base64')]],
      ['jwt-svid', 'a', undefined],
    ],
  )
  assert.deepEqual(planFiles(config, identity.material, undefined, 0).missing, [
    'helper.json',
    'jwks.json',
    'spiffe.json',
  ])
})

test('a token file is the bare token, and the first end of all contents counts', async () => {
  const identity = new TestIdentity()
  await identity.rotate()
  const expiresAt = new Date(Date.now() + 60_000)
  const jwt = { svids: new Map([['a.jwt', { token: 'a.b.c', expiresAt }]]), bundles: undefined, problem: undefined }
  const config = outputConfig('/unused', {
    jwtSvids: [
      { audiences: ['x'], fileName: 'a.jwt' },
      { audiences: ['y'], fileName: 'b.jwt' },
    ],
  })
  const plan = planFiles(config, identity.material, jwt, 0)
  assert.equal(Buffer.from(plan.files.at(-1)?.content ?? []).toString(), 'a.b.c')
  assert.deepEqual(plan.validUntil, expiresAt)
  assert.deepEqual(plan.missing, ['b.jwt'])
})
