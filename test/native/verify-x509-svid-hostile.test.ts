/**
 * Certificates made by an enemy: whatever the bytes, the answer is a refusal with a code of the closed set, or the ID
 * that an honest reader finds, and it comes soon.
 */
import assert from 'node:assert/strict'
import { X509Certificate, createHash } from 'node:crypto'
import { describe, test } from 'node:test'

import { NativeError, verifyX509Svid } from '../../native/index.js'
import * as der from '../fakes/der.js'
import { FakeCa } from '../fakes/fake-ca.js'
import type { CertificateOptions } from '../fakes/fake-ca.js'

const id = 'spiffe://example.org/billing'
const ca = FakeCa.create('example.org')
const between = ca.intermediate()
const honest = between.issue('/billing')
const leaf = honest.certificate
const intermediate = between.certificate

const refusals = new Set([
  'ERR_X509_SVID_MALFORMED',
  'ERR_X509_SVID_INVALID',
  'ERR_X509_SVID_UNTRUSTED',
  'ERR_X509_SVID_EXPIRED',
  'ERR_X509_SVID_NOT_YET_VALID',
])

/** The verified ID, or undefined after a refusal; anything else that is thrown fails the test. */
function verify(chain: readonly Uint8Array[], bundles = ca.bundles): string | undefined {
  try {
    return verifyX509Svid(chain, bundles).spiffeId
  } catch (error) {
    assert.ok(error instanceof NativeError, `thrown: ${String(error)}`)
    assert.ok(refusals.has(error.code), error.code)
    assert.ok(error.message.length < 600 && /^[ -~]*$/.test(error.message), error.message)
    return undefined
  }
}

/** Bytes that are the same in every run: a failure can be repeated. */
function* pseudoRandom(seed: string): Generator<number, never> {
  for (let block = 0; ; block += 1) yield* createHash('sha256').update(`${seed} ${block}`).digest()
}

function spliced(bytes: Uint8Array, offset: number, removed: number, inserted: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, offset), inserted, bytes.subarray(offset + removed)])
}

describe('a valid chain', () => {
  test('is the measure of this file', () => assert.equal(verify(honest.chain), id))

  test('with one byte changed is never verified', () => {
    for (const [place, certificate] of honest.chain.entries()) {
      for (let offset = 0; offset < certificate.length; offset += 1) {
        for (const change of [0x01, 0x20, 0x80, 0xff]) {
          const changed = spliced(certificate, offset, 1, Buffer.from([certificate[offset]! ^ change]))
          assert.equal(verify(honest.chain.with(place, changed)), undefined, `${place}, byte ${offset}, ${change}`)
        }
      }
    }
  })

  test('cut short anywhere is never verified', () => {
    for (const [place, certificate] of honest.chain.entries()) {
      for (let length = 0; length < certificate.length; length += 1) {
        assert.equal(verify(honest.chain.with(place, certificate.subarray(0, length))), undefined, `${length} bytes`)
      }
    }
  })

  test('with bytes after a certificate is never verified', () => {
    for (const [place, certificate] of honest.chain.entries()) {
      for (const tail of [Buffer.from([0]), Buffer.from('3000', 'hex'), certificate]) {
        assert.equal(verify(honest.chain.with(place, Buffer.concat([certificate, tail]))), undefined)
      }
    }
  })

  test('with a huge or indefinite length written anywhere is never verified', () => {
    const lengths = ['80', '847fffffff', '84ffffffff', '88ffffffffffffffff', 'ff', '8400000001', '820001']
    for (let offset = 0; offset < leaf.length; offset += 1) {
      for (const length of lengths) {
        const changed = spliced(leaf, offset, 1, Buffer.from(length, 'hex'))
        if (Buffer.compare(changed, leaf) !== 0)
          assert.equal(verify([changed, intermediate]), undefined, `${length} at ${offset}`)
      }
    }
  })

  test('in another order, or in part, is never verified', () => {
    for (const chain of [[intermediate, leaf], [leaf], [intermediate], [leaf, leaf], [ca.certificate, leaf]]) {
      assert.equal(verify(chain), undefined)
    }
  })

  test('with any number of strangers’ certificates in between keeps its own ID', () => {
    const stranger = FakeCa.create('example.org').issue('/root').certificate
    for (const extra of [[stranger], [ca.certificate], [leaf], [Buffer.from('junk')], [Buffer.alloc(0), stranger]]) {
      assert.equal(verify([leaf, ...extra, intermediate]), id)
    }
  })

  test('spliced, cut and repeated at random is never verified under another ID', () => {
    const random = pseudoRandom('splices')
    const next = (below: number): number => ((random.next().value << 8) | random.next().value) % below
    const other = FakeCa.create('partner.org').issue('/other').certificate
    for (let round = 0; round < 10_000; round += 1) {
      const from = [leaf, intermediate, other][next(3)]!
      const start = next(from.length)
      const piece = from.subarray(start, start + next(40))
      const place = next(2)
      const certificate = honest.chain[place]!
      const changed = spliced(certificate, next(certificate.length), next(40), piece)
      const verified = verify(honest.chain.with(place, changed))
      assert.ok(verified === undefined || verified === id, `round ${round} became ${verified}`)
    }
  })
})

describe('a certificate that its authority signed as the enemy wrote it', () => {
  const sign = (options: CertificateOptions): Uint8Array => ca.issue('/billing', options).certificate
  const extra = (oid: string, value: Uint8Array): CertificateOptions => ({
    extraExtensions: [{ oid, critical: false, value }],
  })

  test('with names of any bytes has the ID that other readers find, or none', () => {
    const random = pseudoRandom('names')
    let verified = 0
    for (let round = 0; round < 1000; round += 1) {
      const bytes = Buffer.from(Array.from({ length: random.next().value % 48 }, () => random.next().value))
      const uri = der.primitive(6, Buffer.from(id))
      const at = random.next().value % (bytes.length + 1)
      const value = der.sequence(spliced(bytes, at, 0, uri))
      const certificate = sign({ names: null, ...extra('2.5.29.17', value) })
      if (verify([certificate]) === undefined) continue
      verified += 1
      const shown = new X509Certificate(certificate).subjectAltName ?? ''
      assert.equal(shown.match(/URI:/g)?.length, 1, shown)
      assert.ok(shown.includes(`URI:${id}`), shown)
    }
    assert.ok(verified > 0, 'no certificate was accepted, so nothing was compared')
  })

  test('with a URI in the constructed form, or beside a tag that no name has, is refused', () => {
    const uri = der.primitive(6, Buffer.from(id))
    const second = Buffer.from('spiffe://example.org/root')
    const names = [
      [uri, der.constructed(6, second)],
      [uri, der.constructed(6, der.tlv(0x16, second))],
      [uri, der.tlv(0x16, second)],
      [uri, der.tlv(0x46, second)],
      [uri, der.primitive(9, second)],
      [uri, Buffer.from('9f0600', 'hex')],
      [der.constructed(6, Buffer.from(id))],
    ]
    for (const list of names) {
      assert.equal(verify([sign({ names: null, ...extra('2.5.29.17', der.sequence(...list)) })]), undefined)
    }
  })

  test('with an ID that ends in bytes no text has is refused', () => {
    for (const tail of ['\0', '\n', '\u001b[2J', '%2e', ' ']) {
      assert.equal(verify([sign({ names: [{ uri: id + tail }] })]), undefined)
    }
    assert.equal(verify([sign({ names: [{ uri: Buffer.concat([Buffer.from(id), Buffer.from([0xc0])]) }] })]), undefined)
  })

  test('with extension contents of any bytes never panics', () => {
    const random = pseudoRandom('extensions')
    const known = ['2.5.29.15', '2.5.29.19', '2.5.29.30', '2.5.29.37', '2.5.29.31', '1.3.6.1.4.1.11129.2.4.2']
    const bare = { isAuthority: null, keyUsage: null, extendedKeyUsage: null } as const
    for (let round = 0; round < 1200; round += 1) {
      const bytes = Buffer.from(Array.from({ length: random.next().value % 24 }, () => random.next().value))
      const value = random.next().value % 2 === 0 ? bytes : der.sequence(bytes)
      const oid = known[round % known.length]!
      const verified = verify([sign({ ...(round % 3 === 0 ? bare : {}), ...extra(oid, value) })])
      assert.ok(verified === undefined || verified === id)
    }
  })

  test('with the rights of an authority hidden in odd encodings is refused', () => {
    const bits = { keyUsage: null } as const
    const refused = [
      // TRUE as 0x01: DER knows only 0xff.
      { isAuthority: null, ...extra('2.5.29.19', der.sequence(Buffer.from('010101', 'hex'))) },
      // A bit string that claims eight unused bits, one without its first octet, one with bits set in the unused part.
      { ...bits, ...extra('2.5.29.15', Buffer.from('03020880', 'hex')) },
      { ...bits, ...extra('2.5.29.15', Buffer.from('0300', 'hex')) },
      { ...bits, ...extra('2.5.29.15', Buffer.from('030207ff', 'hex')) },
      // The constructed form of a bit string.
      { ...bits, ...extra('2.5.29.15', Buffer.from('230403020780', 'hex')) },
    ]
    for (const options of refused) assert.equal(verify([sign(options)]), undefined)
  })

  test('with a serial number longer than the standard allows is refused, one of twenty bytes is shown whole', () => {
    const serialNumber = (1n << 160n) - 1n
    const svid = verifyX509Svid([sign({ serialNumber })], ca.bundles)
    assert.equal(svid.serialNumber, 'ff'.repeat(20))
    assert.equal(verify([sign({ serialNumber: 1n << 160n })]), undefined)
    assert.equal(verifyX509Svid([sign({ serialNumber: 0n })], ca.bundles).serialNumber, '00')
  })
})

describe('a chain that is made to cost much', () => {
  /** Of processor time: a busy machine makes nothing dearer. */
  function refusedWithin(chain: readonly Uint8Array[], milliseconds: number): void {
    const start = process.cpuUsage()
    assert.equal(verify(chain), undefined)
    const { user, system } = process.cpuUsage(start)
    const took = (user + system) / 1000
    assert.ok(took < milliseconds, `took ${took} ms`)
  }
  const namesake = (): Uint8Array => FakeCa.create('example.org', { commonName: 'x' }).certificate

  test('of 10,000 certificates is refused unread', () => refusedWithin(Array(10_000).fill(leaf), 200))

  test('of one certificate of a megabyte is refused unread', () => refusedWithin([Buffer.alloc(1 << 20, 0x30)], 200))

  test('of authorities of one name, which lead everywhere and nowhere, is refused soon', () => {
    const first = FakeCa.create('example.org', { commonName: 'x' }).issue('/a').certificate
    refusedWithin([first, ...Array.from({ length: 5 }, namesake)], 500)
  })

  test('of deeply nested values is refused', () => {
    let nested: Uint8Array = der.nullValue
    while (nested.length < 60_000) nested = der.sequence(nested)
    assert.equal(verify([nested]), undefined)
    assert.equal(verify([ca.issue('/a', { names: [{ raw: der.constructed(0, nested) }] }).certificate]), undefined)
  })

  test('of many thousand names is read once and refused', () => {
    const names = Array.from({ length: 3000 }, (_, index) => ({ uri: `spiffe://example.org/${index}` }))
    refusedWithin(ca.issue('/a', { names }).chain, 200)
  })
})
