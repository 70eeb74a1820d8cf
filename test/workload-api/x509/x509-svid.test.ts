import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, test } from 'node:test'
import { SpiffeError, X509Svid } from '../../../workload-api/index.js'
import * as der from '../../fakes/der.js'
import { FakeCa, generateKey, type FakeKeyType } from '../../fakes/fake-ca.js'

const ca = FakeCa.create('example.org')
const issued = ca.intermediate().issue('/a')
const chain = Buffer.concat(issued.chain)

function refuses(code: string, parse: () => X509Svid): void {
  assert.throws(parse, (error: unknown) => error instanceof SpiffeError && error.code === code)
}

describe('an X.509-SVID', () => {
  test('tells its ID, chain, key, validity and serial number', () => {
    const svid = X509Svid.parse(chain, issued.pkcs8, 'hint')
    const leaf = new X509Certificate(issued.certificate)
    assert.equal(svid.id, 'spiffe://example.org/a')
    assert.equal(svid.chain.length, 2)
    assert.ok(svid.privateKey.equals(issued.key))
    assert.equal(svid.hint, 'hint')
    assert.equal(svid.notBefore.getTime(), Date.parse(leaf.validFrom))
    assert.equal(svid.notAfter.getTime(), Date.parse(leaf.validTo))
    assert.equal(svid.serialNumber, leaf.serialNumber.toLowerCase())
  })

  test('goes through PEM unchanged', () => {
    const svid = X509Svid.parsePem(issued.chainPem, issued.keyPem)
    assert.deepEqual(svid.toPem(), { chain: issued.chainPem, privateKey: issued.keyPem })
  })

  test('does not need its issuer to be known or its time to be now', () => {
    const old = ca.issue('/a', { notBefore: new Date(0), notAfter: new Date(1_000) })
    assert.equal(X509Svid.parse(old.certificate, old.pkcs8).notAfter.getTime(), 1_000)
  })

  test('keeps no hold on the bytes it was read from', () => {
    const bytes = Uint8Array.from(chain)
    const key = Uint8Array.from(issued.pkcs8)
    const svid = X509Svid.parse(bytes, key)
    bytes.fill(0)
    key.fill(0)
    assert.equal(svid.toPem().chain, issued.chainPem)
    assert.ok(svid.privateKey.equals(issued.key))
  })

  for (const keyType of ['ec-p256', 'ec-p384', 'ec-p521', 'rsa-2048'] satisfies FakeKeyType[]) {
    test(`may have a key of type ${keyType}`, () => {
      const { certificate, pkcs8 } = ca.issue('/a', { keyType })
      assert.equal(X509Svid.parse(certificate, pkcs8).id, 'spiffe://example.org/a')
    })
  }

  test('has a key that fits: same curve, same type, other number', () => {
    for (const keyType of ['ec-p256', 'ec-p384', 'rsa-2048'] satisfies FakeKeyType[]) {
      const key = generateKey(keyType).export({ format: 'der', type: 'pkcs8' })
      refuses('ERR_X509_SVID_KEY_MISMATCH', () => X509Svid.parse(chain, key))
    }
  })

  test('keeps the leaf rules', () => {
    const leaf = (options: Parameters<FakeCa['issue']>[1]) => {
      const { certificate, pkcs8 } = ca.issue('/a', options)
      return () => X509Svid.parse(certificate, pkcs8)
    }
    const uri = { uri: 'spiffe://example.org/a' }
    refuses('ERR_X509_SVID_INVALID', leaf({ isAuthority: true }))
    refuses('ERR_X509_SVID_INVALID', leaf({ keyUsage: ['digitalSignature', 'keyCertSign'] }))
    refuses('ERR_X509_SVID_INVALID', leaf({ names: [uri, uri] }))
    refuses('ERR_X509_SVID_INVALID', leaf({ names: [{ uri: 'spiffe://example.org' }] }))
  })

  test('is not the PEM certificate hidden inside the DER of another', () => {
    const hidden = ca.issue('/hidden')
    const extension = { oid: '1.2.3.4', critical: false, value: der.octetString(Buffer.from(`\n${hidden.chainPem}`)) }
    const carrier = ca.issue('/carrier', { extraExtensions: [extension], key: hidden.key })
    refuses('ERR_X509_SVID_MALFORMED', () => X509Svid.parse(carrier.certificate, hidden.pkcs8))
  })

  test('has one private key in PEM, and nothing but certificates in its chain', () => {
    const { chainPem, keyPem } = issued
    refuses('ERR_X509_SVID_KEY_INVALID', () => X509Svid.parsePem(chainPem, ''))
    refuses('ERR_X509_SVID_KEY_INVALID', () => X509Svid.parsePem(chainPem, keyPem + keyPem))
    refuses('ERR_X509_SVID_MALFORMED', () => X509Svid.parsePem(chainPem + keyPem, keyPem))
    refuses('ERR_X509_SVID_MALFORMED', () => X509Svid.parsePem('', keyPem))
  })
})
