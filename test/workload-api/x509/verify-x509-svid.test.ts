import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseTrustDomain, verifyX509Svid, X509Bundle, type X509BundleSet } from '../../../workload-api/index.js'
import { NativeError } from '../../../native/index.js'
import { FakeCa } from '../../fakes/fake-ca.js'

const ca = FakeCa.create('example.org')
const partner = FakeCa.create('partner.org')

function bundlesOf(...authorities: FakeCa[]): X509BundleSet {
  return new Map(
    authorities.map((authority) => {
      const trustDomain = parseTrustDomain(authority.trustDomain)
      return [trustDomain, X509Bundle.parse(trustDomain, authority.certificate)]
    }),
  )
}

describe('verifyX509Svid', () => {
  test('says who a chain of a known trust domain belongs to', () => {
    const { id, notAfter } = verifyX509Svid(ca.issue('/a').chain, bundlesOf(partner, ca))
    assert.equal(id, 'spiffe://example.org/a')
    assert.ok(notAfter.getTime() > Date.now())
  })

  test('refuses a leaf of one trust domain signed by the authority of another', () => {
    const forged = partner.issue('', { names: [{ uri: 'spiffe://example.org/a' }] })
    assert.throws(() => verifyX509Svid(forged.chain, bundlesOf(ca, partner)), { code: 'ERR_X509_SVID_UNTRUSTED' })
  })

  test('tells a missing bundle from a bad leaf', () => {
    const bundles = bundlesOf(partner)
    assert.throws(() => verifyX509Svid(ca.issue('/a').chain, bundles), { code: 'ERR_X509_BUNDLE_NOT_FOUND' })
    const bad = ca.issue('/a', { isAuthority: true })
    assert.throws(() => verifyX509Svid(bad.chain, bundles), { code: 'ERR_X509_SVID_INVALID' })
  })

  test('refuses an empty chain and garbage', () => {
    assert.throws(() => verifyX509Svid([], bundlesOf(ca)), { code: 'ERR_X509_SVID_MALFORMED' })
    assert.throws(() => verifyX509Svid([Buffer.from('x')], bundlesOf(ca)), { code: 'ERR_X509_SVID_MALFORMED' })
  })

  test('judges for the moment and the usage that are asked for', () => {
    const { chain } = ca.issue('/a', { extendedKeyUsage: ['clientAuth'] })
    verifyX509Svid(chain, bundlesOf(ca), { usage: 'client' })
    assert.throws(() => verifyX509Svid(chain, bundlesOf(ca), { usage: 'server' }), { code: 'ERR_X509_SVID_INVALID' })
    const time = new Date(Date.now() + 7_200_000)
    assert.throws(() => verifyX509Svid(chain, bundlesOf(ca), { time }), { code: 'ERR_X509_SVID_EXPIRED' })
    const early = new Date(Date.now() - 7_200_000)
    assert.throws(() => verifyX509Svid(chain, bundlesOf(ca), { time: early }), { code: 'ERR_X509_SVID_NOT_YET_VALID' })
  })

  test("keeps the data plane's error as the cause", () => {
    assert.throws(
      () => verifyX509Svid(FakeCa.create('example.org').issue('/a').chain, bundlesOf(ca)),
      (error: Error) => error.cause instanceof NativeError && error.cause.code === 'ERR_X509_SVID_UNTRUSTED',
    )
  })
})
