/** The path rules of RFC 5280 section 6 and X509-SVID section 4, one path that breaks each. */
import { describe, test } from 'node:test'

import { verifyX509Svid } from '../../native/index.js'
import type { BundleSetInput, NativeErrorCode } from '../../native/index.js'
import * as der from '../fakes/der.js'
import { FakeCa } from '../fakes/fake-ca.js'
import type { CertificateOptions, Issued } from '../fakes/fake-ca.js'
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

describe('a path is refused', () => {
  const untrusted = 'ERR_X509_SVID_UNTRUSTED'
  const authorityBelow = (options: CertificateOptions): Issued => ca.intermediate(options).issue('/a')

  test('when no bundle is held for the trust domain that the leaf names', () =>
    refuse(foreign.issue('/a').chain, untrusted, /^no bundle is held for trust domain "partner\.org"$/))

  test('when another trust domain’s authority signed the leaf', () => {
    const names = [{ uri: 'spiffe://example.org/a' }]
    refuse(foreign.issue('/a', { names }).chain, untrusted, /^no authority of the trust domain issued/, both)
  })

  test('when that authority even has the same name', () => {
    const namesake = FakeCa.create('partner.org', { commonName: 'authority of example.org' })
    const forged = namesake.issue('/a', { names: [{ uri: 'spiffe://example.org/a' }] })
    const bundles = new Map([...ca.bundles, ...namesake.bundles])
    refuse(forged.chain, untrusted, /^a signature of the chain does not fit/, bundles)
  })

  test('when the bundle of its trust domain is empty', () =>
    refuse(ca.issue('/a').chain, untrusted, /^no authority/, new Map([['example.org', []]])))

  test('when an intermediate has no cA', () =>
    refuse(authorityBelow({ isAuthority: false }).chain, untrusted, /^an intermediate is not a certificate authority/))

  test('when an intermediate has no basicConstraints', () =>
    refuse(authorityBelow({ isAuthority: null }).chain, untrusted, /^an intermediate is not a certificate authority/))

  test('when an intermediate has no keyCertSign', () => {
    const text = /^the key usage of an intermediate lacks keyCertSign/
    refuse(authorityBelow({ keyUsage: ['cRLSign'] }).chain, untrusted, text)
    refuse(authorityBelow({ keyUsage: null }).chain, untrusted, text)
  })

  test('when a leaf acts as an intermediate', () => {
    const signer = FakeCa.from(ca.issue('/signer', { commonName: 'signer' }), 'example.org', 'signer')
    refuse(signer.issue('/a').chain, untrusted, /^an intermediate is not a certificate authority/)
  })

  test('when an intermediate has a critical extension that is not known', () => {
    const extraExtensions = [{ oid: '1.3.6.1.4.1.99999.1', critical: true, value: der.nullValue }]
    refuse(authorityBelow({ extraExtensions }).chain, 'ERR_X509_SVID_INVALID', /^an intermediate has a critical/)
  })

  test('when an intermediate is expired or not yet valid', () => {
    const expired = authorityBelow({ notBefore: minutes(-9), notAfter: minutes(-5) })
    refuse(expired.chain, 'ERR_X509_SVID_EXPIRED', /^an intermediate expired 30\d s ago$/)
    const early = authorityBelow({ notBefore: minutes(5) })
    refuse(early.chain, 'ERR_X509_SVID_NOT_YET_VALID', /^an intermediate becomes valid only in/)
  })

  test('when a pathLenConstraint is exceeded, of an intermediate or of the authority', () => {
    const short = ca.intermediate({ pathLength: 0 })
    verifyX509Svid(short.issue('/a').chain, ca.bundles)
    refuse(short.intermediate().issue('/a').chain, untrusted, /too many intermediates/)
    const root = FakeCa.create('example.org', { pathLength: 0 })
    verifyX509Svid(root.issue('/a').chain, root.bundles)
    refuse(root.intermediate().issue('/a').chain, untrusted, /too many intermediates/, root.bundles)
  })

  test('when it is longer than any honest path', () => {
    let authority = ca
    for (let depth = 0; depth < 5; depth += 1) authority = authority.intermediate()
    verifyX509Svid(authority.issue('/a').chain, ca.bundles)
    const text = /^a chain of 7 certificates and \d+ bytes is too long$/
    refuse(authority.intermediate().issue('/a').chain, 'ERR_X509_SVID_MALFORMED', text)
  })
})

describe('an authority of a bundle is refused', () => {
  const untrusted = 'ERR_X509_SVID_UNTRUSTED'

  function refuseAuthority(options: CertificateOptions, code: NativeErrorCode, text: RegExp): void {
    const authority = FakeCa.create('example.org', options)
    refuse(authority.issue('/a').chain, code, text, authority.bundles)
    refuse(authority.intermediate().issue('/a').chain, code, text, authority.bundles)
  }

  test('when it is expired', () =>
    refuseAuthority(
      { notBefore: minutes(-9), notAfter: minutes(-5) },
      'ERR_X509_SVID_EXPIRED',
      /^the authority expired 30\d s ago$/,
    ))

  test('when it is not yet valid', () =>
    refuseAuthority({ notBefore: minutes(5) }, 'ERR_X509_SVID_NOT_YET_VALID', /^the authority becomes valid only in/))

  test('when it has no cA', () =>
    refuseAuthority({ isAuthority: false }, untrusted, /^the authority is not a certificate authority/))

  test('when it has no keyCertSign', () => {
    refuseAuthority({ keyUsage: ['digitalSignature'] }, untrusted, /^the key usage of the authority lacks keyCertSign/)
    refuseAuthority({ keyUsage: null }, untrusted, /^the key usage of the authority lacks keyCertSign/)
  })

  test('when it has a critical extension that is not known', () => {
    const extraExtensions = [{ oid: '1.3.6.1.4.1.99999.1', critical: true, value: der.nullValue }]
    refuseAuthority({ extraExtensions }, 'ERR_X509_SVID_INVALID', /^the authority has a critical extension/)
  })

  test('when it is a leaf, for itself and for what it signed', () => {
    const own = FakeCa.create('example.org', {
      names: [{ uri: 'spiffe://example.org/a' }],
      isAuthority: false,
      keyUsage: ['digitalSignature'],
    })
    refuse([own.certificate], untrusted, /^the authority is not a certificate authority/, own.bundles)
    refuse(own.issue('/b').chain, untrusted, /^the authority is not a certificate authority/, own.bundles)
  })

  test('while another one of the same name and key is good', () => {
    const expired = FakeCa.create('example.org', { key: ca.key, notBefore: minutes(-9), notAfter: minutes(-5) })
    for (const authorities of [
      [expired.certificate, ca.certificate],
      [ca.certificate, expired.certificate],
    ]) {
      verifyX509Svid(ca.issue('/a').chain, new Map([['example.org', authorities]]))
    }
  })
})

describe('name constraints', () => {
  const uri = [{ uri: 'example.org' }]
  const unsupported = /^URI name constraints are not supported/

  for (const kind of ['permitted', 'excluded'] as const) {
    const nameConstraints = { [kind]: uri }

    test(`on URIs, ${kind}, are refused on the authority`, () => {
      const authority = FakeCa.create('example.org', { nameConstraints })
      refuse(authority.issue('/a').chain, 'ERR_X509_SVID_UNTRUSTED', unsupported, authority.bundles)
    })

    test(`on URIs, ${kind}, are refused on an intermediate`, () =>
      refuse(ca.intermediate({ nameConstraints }).issue('/a').chain, 'ERR_X509_SVID_UNTRUSTED', unsupported))

    test(`on URIs, ${kind}, are refused on the leaf`, () =>
      refuse(ca.issue('/a', { nameConstraints }).chain, 'ERR_X509_SVID_UNTRUSTED', unsupported))
  }

  test('on URIs are refused among others', () => {
    const nameConstraints = { permitted: [{ dns: 'example.org' }, ...uri] }
    refuse(ca.intermediate({ nameConstraints }).issue('/a').chain, 'ERR_X509_SVID_UNTRUSTED', unsupported)
  })

  test('on DNS names are applied to DNS names', () => {
    const names = (dns: string) => [{ uri: 'spiffe://example.org/a' }, { dns }]
    const constrained = ca.intermediate({ nameConstraints: { permitted: [{ dns: 'example.org' }] } })
    verifyX509Svid(constrained.issue('/a', { names: names('a.example.org') }).chain, ca.bundles)
    const text = /^a name constraint forbids a name/
    refuse(constrained.issue('/a', { names: names('a.example.com') }).chain, 'ERR_X509_SVID_UNTRUSTED', text)
  })
})
