import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseTrustDomain, X509Bundle } from '../../../workload-api/index.js'
import { FakeCa } from '../../fakes/fake-ca.js'

const trustDomain = parseTrustDomain('example.org')
const one = FakeCa.create('example.org')
const two = FakeCa.create('example.org')
const both = Buffer.concat([one.certificate, two.certificate])
const invalid = { name: 'SpiffeError', code: 'ERR_X509_BUNDLE_INVALID' }

describe('a bundle', () => {
  test('goes through DER and PEM unchanged', () => {
    const bundle = X509Bundle.parse(trustDomain, both)
    assert.equal(bundle.trustDomain, 'example.org')
    assert.equal(bundle.x509Authorities.length, 2)
    assert.ok(bundle.equals(X509Bundle.parse(trustDomain, bundle.toDer())))
    assert.ok(bundle.equals(X509Bundle.parsePem(trustDomain, bundle.toPem())))
    assert.equal(bundle.toPem(), one.certificatePem + two.certificatePem)
  })

  test('equals another of the same trust domain and authorities only', () => {
    const bundle = X509Bundle.parse(trustDomain, one.certificate)
    assert.ok(!bundle.equals(X509Bundle.parse(trustDomain, both)))
    assert.ok(!bundle.equals(X509Bundle.parse(parseTrustDomain('other.org'), one.certificate)))
  })

  for (const [why, der] of [
    ['nothing', Buffer.alloc(0)],
    ['garbage', Buffer.from('garbage')],
    ['a sequence that is no certificate', Buffer.from([0x30, 0])],
    ['a byte left over', Buffer.concat([both, Buffer.from([0])])],
    ['more than 1,000 certificates', Buffer.concat(Array.from({ length: 1_001 }, () => one.certificate))],
    ['PEM', Buffer.from(one.certificatePem)],
  ] as const) {
    test(`is refused: ${why} in DER`, () => assert.throws(() => X509Bundle.parse(trustDomain, der), invalid))
  }

  for (const [why, pem] of [
    ['nothing', ''],
    ['a private key', one.issue('/a').keyPem],
    ['a private key beside a certificate', one.certificatePem + one.issue('/a').keyPem],
    ['a certificate under another label', one.certificatePem.replaceAll('CERTIFICATE', 'X509 CRL')],
  ] as const) {
    test(`is refused: ${why} in PEM`, () => assert.throws(() => X509Bundle.parsePem(trustDomain, pem), invalid))
  }
})
