/** The leaf rules of X509-SVID sections 2, 4 and 5.2, one certificate that breaks each. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { verifyX509Svid } from '../../native/index.js'
import type { BundleSetInput, NativeErrorCode } from '../../native/index.js'
import * as der from '../fakes/der.js'
import { FakeCa } from '../fakes/fake-ca.js'
import type { CertificateOptions } from '../fakes/fake-ca.js'
import { repositoryRoot } from '../repository-root.js'
import { assertRefused } from './assert-refused.js'

const ca = FakeCa.create('example.org')

const refuse = (
  chain: readonly Uint8Array[],
  code: NativeErrorCode,
  text: RegExp,
  bundles: BundleSetInput = ca.bundles,
  options: Parameters<typeof verifyX509Svid>[2] = {},
): void => assertRefused(chain, bundles, { code, text }, options)

const refuseLeaf = (options: CertificateOptions, code: NativeErrorCode, text: RegExp): void =>
  refuse(ca.issue('/a', options).chain, code, text)

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
    for (const usage of ['any', 'client'] as const) verifyX509Svid(client, ca.bundles, { usage })
    for (const usage of ['any', 'server'] as const) verifyX509Svid(server, ca.bundles, { usage })
    refuse(client, 'ERR_X509_SVID_INVALID', text, ca.bundles, { usage: 'server' })
    refuse(server, 'ERR_X509_SVID_INVALID', text, ca.bundles, { usage: 'client' })
    for (const usage of ['any', 'client', 'server'] as const) {
      refuse(neither, 'ERR_X509_SVID_INVALID', text, ca.bundles, { usage })
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
