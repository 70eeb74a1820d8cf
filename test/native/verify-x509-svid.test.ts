/** The rules of X509-SVID section 5 and RFC 5280 section 6, one certificate that breaks each. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { NativeError, verifyX509Svid } from '../../native/index.js'
import type { BundleSetInput, NativeErrorCode } from '../../native/index.js'
import * as der from '../fakes/der.js'
import { FakeCa } from '../fakes/fake-ca.js'
import type { CertificateOptions, FakeKeyType, Issued } from '../fakes/fake-ca.js'
import { repositoryRoot } from '../repository-root.js'

const ca = FakeCa.create('example.org')
const foreign = FakeCa.create('partner.org')
const both: BundleSetInput = new Map([...ca.bundles, ...foreign.bundles])
const minutes = (count: number): Date => new Date(Date.now() + count * 60_000)

function refuse(
  chain: readonly Uint8Array[],
  code: NativeErrorCode,
  text: RegExp,
  bundles: BundleSetInput = ca.bundles,
  options: Parameters<typeof verifyX509Svid>[2] = {},
): void {
  assert.throws(
    () => verifyX509Svid(chain, bundles, options),
    (error: unknown) => {
      assert.ok(error instanceof NativeError)
      assert.match(error.message, text)
      assert.equal(error.code, code)
      return true
    },
  )
}

const refuseLeaf = (options: CertificateOptions, code: NativeErrorCode, text: RegExp): void =>
  refuse(ca.issue('/a', options).chain, code, text)

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

describe('a leaf is refused', () => {
  test('when there is none', () => refuse([], 'ERR_X509_SVID_MALFORMED', /^no certificate was presented$/))

  test('when it is a CA', () =>
    refuseLeaf({ isAuthority: true }, 'ERR_X509_SVID_INVALID', /is a certificate authority/))

  test('when it has keyCertSign', () =>
    refuseLeaf({ keyUsage: ['digitalSignature', 'keyCertSign'] }, 'ERR_X509_SVID_INVALID', /keyCertSign or cRLSign/))

  test('when it has cRLSign', () =>
    refuseLeaf({ keyUsage: ['digitalSignature', 'cRLSign'] }, 'ERR_X509_SVID_INVALID', /keyCertSign or cRLSign/))

  test('when it lacks digitalSignature', () =>
    refuseLeaf({ keyUsage: ['keyEncipherment'] }, 'ERR_X509_SVID_INVALID', /lacks digitalSignature/))

  test('when it has no key usage', () => refuseLeaf({ keyUsage: null }, 'ERR_X509_SVID_INVALID', /has no key usage/))

  test('when it has no subject alternative names', () =>
    refuseLeaf({ names: null }, 'ERR_X509_SVID_INVALID', /has no URI/))

  test('when none of its names is a URI', () =>
    refuseLeaf({ names: [{ dns: 'example.org' }] }, 'ERR_X509_SVID_INVALID', /has no URI/))

  test('when it has two URIs, even the same one twice', () => {
    const uri = 'spiffe://example.org/a'
    refuseLeaf({ names: [{ uri }, { uri }] }, 'ERR_X509_SVID_INVALID', /has 2 URIs/)
    refuseLeaf({ names: [{ uri }, { uri: 'https://example.org/' }] }, 'ERR_X509_SVID_INVALID', /has 2 URIs/)
  })

  test('when its ID has no path', () =>
    refuseLeaf({ names: [{ uri: 'spiffe://example.org' }] }, 'ERR_X509_SVID_INVALID', /has no path/))

  test('when an extension that it does not know is critical', () => {
    const extraExtensions = [{ oid: '1.3.6.1.4.1.99999.1', critical: true, value: der.nullValue }]
    refuseLeaf({ extraExtensions }, 'ERR_X509_SVID_INVALID', /^the leaf has a critical extension/)
  })

  test('when an extension that only others act upon is critical', () => {
    const point = der.sequence(der.constructed(0, der.constructed(0, der.primitive(6, Buffer.from('http://a/crl')))))
    const extraExtensions = [{ oid: '2.5.29.31', critical: true, value: der.sequence(point) }]
    refuseLeaf({ extraExtensions }, 'ERR_X509_SVID_INVALID', /^the leaf has a critical extension/)
  })

  test('when an extension is there twice', () => {
    const uri = der.primitive(6, Buffer.from('spiffe://example.org/b'))
    const extraExtensions = [{ oid: '2.5.29.17', critical: false, value: der.sequence(uri) }]
    refuseLeaf({ extraExtensions }, 'ERR_X509_SVID_MALFORMED', /^the leaf is not a well-formed/)
  })

  test('when its extended key usage does not fit the role of the peer', () => {
    const client = ca.issue('/a', { extendedKeyUsage: ['clientAuth'] }).chain
    const server = ca.issue('/a', { extendedKeyUsage: ['serverAuth'] }).chain
    const neither = ca.issue('/a', { extendedKeyUsage: ['codeSigning', 'any'] }).chain
    const text = /extended key usage does not allow this use/
    for (const usage of ['any', 'client'] as const) verifyX509Svid(client, both, { usage })
    for (const usage of ['any', 'server'] as const) verifyX509Svid(server, both, { usage })
    refuse(client, 'ERR_X509_SVID_INVALID', text, both, { usage: 'server' })
    refuse(server, 'ERR_X509_SVID_INVALID', text, both, { usage: 'client' })
    for (const usage of ['any', 'client', 'server'] as const) {
      refuse(neither, 'ERR_X509_SVID_INVALID', text, both, { usage })
    }
  })
})

describe('the ID of a leaf', () => {
  interface IdVectors {
    readonly valid: readonly { id: string; path: string; trustDomain: string }[]
    readonly invalid: readonly { id: string; why: string }[]
    readonly limits: readonly { trustDomainLength: number; idLength: number; valid: boolean }[]
  }
  const vectors: IdVectors = JSON.parse(readFileSync(join(repositoryRoot, 'test/vectors/spiffe-id.json'), 'utf8'))

  function verifyId(id: string, trustDomain: string): string {
    const bundles = new Map([[trustDomain, [ca.certificate]]])
    return verifyX509Svid(ca.issue('', { names: [{ uri: id }] }).chain, bundles).spiffeId
  }

  for (const { id, path, trustDomain } of vectors.valid.filter(({ path }) => path !== '')) {
    test(`${id} is read as it is written, path ${path}`, () => assert.equal(verifyId(id, trustDomain), id))
  }

  for (const { id, why } of vectors.invalid) {
    test(`is refused for: ${why}`, () => {
      const { chain } = ca.issue('', { names: [{ uri: id }] })
      refuse(chain, 'ERR_X509_SVID_INVALID', /^the URI "[ -~]*" is not a SPIFFE ID: [ -~]+$/)
    })
  }

  for (const { trustDomainLength, idLength, valid } of vectors.limits) {
    test(`of ${idLength} bytes with ${trustDomainLength} of trust domain is ${valid ? 'accepted' : 'refused'}`, () => {
      const trustDomain = 'a'.repeat(trustDomainLength)
      const id = `spiffe://${trustDomain}/`.padEnd(idLength, 'b')
      if (valid) assert.equal(verifyId(id, trustDomain), id)
      else refuse(ca.issue('', { names: [{ uri: id }] }).chain, 'ERR_X509_SVID_INVALID', /is longer than/)
    })
  }

  test('is shown escaped and cut when it is refused', () => {
    const uri = Buffer.concat([Buffer.from('spiffe://example.org/\n\u001b[31m"'), Buffer.alloc(3000, 0xff)])
    const { chain } = ca.issue('', { names: [{ uri }] })
    refuse(chain, 'ERR_X509_SVID_INVALID', /^the URI "spiffe:\/\/example\.org\/\\n\\x1b\[31m\\"(\\xff)+\.\.\." is not/)
  })
})

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
