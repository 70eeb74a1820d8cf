/** What `verifyX509Svid` accepts and gives back; what it refuses is in the files beside this one. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, test } from 'node:test'

import { verifyX509Svid } from '../../native/index.js'
import type { BundleSetInput, NativeErrorCode } from '../../native/index.js'
import { FakeCa } from '../fakes/fake-ca.js'
import type { FakeKeyType } from '../fakes/fake-ca.js'
import { assertRefused } from './assert-refused.js'

const ca = FakeCa.create('example.org')
const foreign = FakeCa.create('partner.org')
const both: BundleSetInput = new Map([...ca.bundles, ...foreign.bundles])
const minutes = (count: number): Date => new Date(Date.now() + count * 60_000)

const refuse = (
  chain: readonly Uint8Array[],
  code: NativeErrorCode,
  text: RegExp,
  bundles: BundleSetInput = ca.bundles,
  options: Parameters<typeof verifyX509Svid>[2] = {},
): void => assertRefused(chain, bundles, { code, text }, options)

describe('a chain that keeps every rule', () => {
  test('is verified and gives ID, serial number and validity', () => {
    const leaf = ca.issue('/billing/payments')
    const svid = verifyX509Svid(leaf.chain, both)
    const certificate = new X509Certificate(leaf.certificate)
    assert.equal(svid.spiffeId, 'spiffe://example.org/billing/payments')
    assert.equal(svid.serialNumber, certificate.serialNumber.toLowerCase())
    assert.equal(svid.notBefore.getTime(), Date.parse(certificate.validFrom))
    assert.equal(svid.notAfter.getTime(), Date.parse(certificate.validTo))
  })

  test('may have intermediates, in any order, and the root along with them', () => {
    const leaf = ca.intermediate().intermediate().issue('/a')
    const [first, second, third] = leaf.chain
    verifyX509Svid([first!, third!, second!, ca.certificate], both)
  })

  test('may end at an authority that is not self-signed', () => {
    const subordinate = ca.intermediate()
    verifyX509Svid([subordinate.issue('/a').certificate], subordinate.bundles)
  })

  test('may carry names that are not URIs, which mean nothing', () => {
    const names = [{ dns: 'evil.example' }, { uri: 'spiffe://example.org/a' }, { ip: [127, 0, 0, 1] }, { email: 'a@b' }]
    assert.equal(verifyX509Svid(ca.issue('/a', { names }).chain, both).spiffeId, 'spiffe://example.org/a')
  })

  test('may leave out basicConstraints and extended key usage on the leaf', () => {
    verifyX509Svid(ca.issue('/a', { isAuthority: null, extendedKeyUsage: null }).chain, both)
  })

  test('may be valid beyond 2049', () => {
    const { notAfter } = verifyX509Svid(ca.issue('/a', { notAfter: new Date('9999-12-31T23:59:59Z') }).chain, both)
    assert.equal(notAfter.toISOString(), '9999-12-31T23:59:59.000Z')
  })

  for (const keyType of ['ec-p256', 'ec-p384', 'ec-p521', 'rsa-2048'] satisfies FakeKeyType[]) {
    test(`may have keys of type ${keyType}`, () => {
      const authority = FakeCa.create('example.org', { keyType })
      verifyX509Svid(authority.issue('/a', { keyType }).chain, authority.bundles)
    })
  }

  test('is verified at the time that is asked for, both ends of its validity included', () => {
    const leaf = ca.issue('/a')
    const { notBefore, notAfter } = verifyX509Svid(leaf.chain, ca.bundles)
    const old = FakeCa.create('example.org', { key: ca.key, notBefore: minutes(-99), notAfter: minutes(99) })
    for (const time of [notBefore, notAfter]) verifyX509Svid(leaf.chain, old.bundles, { time })
    refuse(leaf.chain, 'ERR_X509_SVID_EXPIRED', /^the leaf expired 1 s ago$/, old.bundles, {
      time: new Date(notAfter.getTime() + 1000),
    })
    refuse(leaf.chain, 'ERR_X509_SVID_NOT_YET_VALID', /^the leaf becomes valid only in 1 s; .*clocks/, old.bundles, {
      time: new Date(notBefore.getTime() - 1000),
    })
  })
})

describe('a set of bundles is refused', () => {
  const { chain } = ca.issue('/a')

  test('when the name of a trust domain breaks the rules', () => {
    for (const name of ['', 'Example.org', 'spiffe://example.org', 'a/b', 'a:1', 'a'.repeat(256)]) {
      const bundles = new Map([[name, [ca.certificate]]])
      refuse(chain, 'ERR_BUNDLE_INVALID', /^"[ -~]*" is not the name of a trust domain: /, bundles)
    }
  })

  test('when an authority is not a certificate, and says which', () => {
    const text = /^authority 1 of trust domain "example\.org" is not an X\.509 v3 certificate$/
    for (const bytes of [Buffer.alloc(0), Buffer.from('junk'), ca.certificate.subarray(0, 99)]) {
      refuse(chain, 'ERR_BUNDLE_INVALID', text, new Map([['example.org', [ca.certificate, bytes]]]))
    }
  })
})
