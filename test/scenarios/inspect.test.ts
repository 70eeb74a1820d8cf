import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { X509Certificate } from 'node:crypto'
import { FakeCa, type CertificateOptions } from '../fakes/fake-ca.js'
import { svidecar, temporaryFolder } from './running-sidecar.js'

const ca = FakeCa.create('example.org')
const caPem = new X509Certificate(ca.certificate).toString()

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000)

async function inspect(folder: string, content: string, flags: readonly string[] = []) {
  const file = join(folder, 'it.pem')
  writeFileSync(file, content)
  return svidecar(['inspect', file, ...flags])
}

test('a good SVID with its key and bundle is exit 0 and shows ID, validity, chain', async (t) => {
  const folder = temporaryFolder(t)
  const bundle = join(folder, 'bundle.pem')
  writeFileSync(bundle, caPem)
  const { chainPem, keyPem } = ca.issue('/web')
  const { status, stdout } = await inspect(folder, chainPem + keyPem, ['--bundle', bundle])
  assert.equal(status, 0, stdout)
  for (const expected of [
    /SPIFFE ID +spiffe:\/\/example\.org\/web/,
    /valid .*left/,
    /1\. .*issued by/,
    /verified against/,
    /fits the leaf/,
  ]) {
    assert.match(stdout, expected)
  }
  assert.doesNotMatch(stdout, /PRIVATE KEY/)
})

test('without a bundle it says that who signed was not checked', async (t) => {
  const { status, stdout } = await inspect(temporaryFolder(t), ca.issue('/web').chainPem)
  assert.equal(status, 0)
  assert.match(stdout, /not checked: give -bundle/)
})

const wrong: readonly [what: string, options: CertificateOptions, expected: RegExp][] = [
  ['is expired', { notBefore: minutesAgo(20), notAfter: minutesAgo(10) }, /NOT VALID: .*expired/],
  ['is a CA', { isAuthority: true }, /NOT VALID: .*certificate authority/],
  [
    'has two URI SANs',
    { names: [{ uri: 'spiffe://example.org/a' }, { uri: 'spiffe://example.org/b' }] },
    /NOT VALID: .*URI/,
  ],
  ['has a hostile ID', { names: [{ uri: 'spiffe://example.org/a\u001b[2J\n' }] }, /NOT VALID/],
]

for (const [what, options, expected] of wrong) {
  test(`an SVID that ${what} is exit 1, says so, and cannot act on the terminal`, async (t) => {
    const folder = temporaryFolder(t)
    const bundle = join(folder, 'bundle.pem')
    writeFileSync(bundle, caPem)
    const { status, stdout } = await inspect(folder, ca.issue('/web', options).chainPem, ['--bundle', bundle])
    assert.equal(status, 1)
    assert.match(stdout, expected)
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
  })
}

test('a key that does not fit is exit 1', async (t) => {
  const { status, stdout } = await inspect(temporaryFolder(t), ca.issue('/web').chainPem + ca.issue('/other').keyPem)
  assert.equal(status, 1)
  assert.match(stdout, /DOES NOT FIT/)
})

test('a bundle is told as authorities', async (t) => {
  const { status, stdout } = await inspect(temporaryFolder(t), caPem)
  assert.equal(status, 0)
  assert.match(stdout, /^authority\n +SPIFFE ID +spiffe:\/\/example\.org$/m)
})

test('what is no certificate, not there, or nobody’s socket is exit 1 with a sentence', async (t) => {
  const folder = temporaryFolder(t)
  for (const [target, content] of [
    ['garbage', 'hello'],
    ['absent', undefined],
    ['unix:/nowhere/agent.sock', undefined],
  ] as const) {
    const file = target.startsWith('unix:') ? target : join(folder, target)
    if (content !== undefined) writeFileSync(file, content)
    const { status, stderr } = await svidecar(['inspect', file])
    assert.equal(status, 1)
    assert.match(stderr, /^svidecar: /)
    assert.equal(stderr.trimEnd().split('\n').length, 1)
  }
})
