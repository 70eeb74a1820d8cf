import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { describe, test } from 'node:test'
import { JwtBundle, parseTrustDomain, SpiffeBundle, type SpiffeErrorCode } from '../../../workload-api/index.js'
import { FakeCa } from '../../fakes/fake-ca.js'
import { FakeJwtIssuer } from '../material.js'

const trustDomain = parseTrustDomain('example.org')
const ca = FakeCa.create('example.org')
const issuer = new FakeJwtIssuer('example.org')
const jwk = issuer.publicKey.export({ format: 'jwk' })
const x5c = Buffer.from(ca.certificate).toString('base64')
const x509Entry = { use: 'x509-svid', kty: 'EC', crv: 'P-256', x: jwk.x, y: jwk.y, x5c: [x5c] }
const jwtEntry = { use: 'jwt-svid', kid: 'key-1', ...jwk }

function spiffe(keys: unknown, rest: object = {}): SpiffeBundle {
  return SpiffeBundle.parse(trustDomain, JSON.stringify({ keys, ...rest }))
}

function refused(parse: () => unknown, code: SpiffeErrorCode): void {
  assert.throws(parse, { name: 'SpiffeError', code })
}

describe('a trust bundle', () => {
  test('is read and written with both uses of keys, sequence number and refresh hint', () => {
    const bundle = spiffe([x509Entry, jwtEntry], { spiffe_sequence: 12, spiffe_refresh_hint: 300 })
    assert.deepEqual(bundle.x509Authorities, [new Uint8Array(ca.certificate)])
    assert.deepEqual([...bundle.jwtAuthorities.keys()], ['key-1'])
    assert.deepEqual([bundle.sequenceNumber, bundle.refreshHintSeconds], [12n, 300])
    const again = SpiffeBundle.parse(trustDomain, bundle.marshal())
    assert.ok(again.equals(bundle))
    assert.ok(again.x509Bundle()?.equals(bundle.x509Bundle()!) && again.jwtBundle()?.equals(bundle.jwtBundle()!))
  })

  test('is written as the standard has it: x5c with one value and no kid, jwt keys with one, no private part', () => {
    const bundle = new SpiffeBundle(trustDomain, {
      x509Authorities: [ca.certificate],
      jwtAuthorities: new Map([['k', issuer.publicKey]]),
    })
    const { keys, ...rest } = JSON.parse(bundle.marshal()) as { keys: Record<string, unknown>[] }
    assert.deepEqual(rest, {})
    assert.deepEqual(
      keys.map(({ use, kid, kty }) => [use, kid, kty]),
      [
        ['x509-svid', undefined, 'EC'],
        ['jwt-svid', 'k', 'EC'],
      ],
    )
    assert.deepEqual(keys[0]!['x5c'], [x5c])
    assert.ok(keys.every((key) => !('d' in key)))
  })

  test('has a sequence number of 64 bits, no digit of it lost', () => {
    const text = '{"spiffe_sequence":18446744073709551615,"keys":[]}'
    const bundle = SpiffeBundle.parse(trustDomain, text)
    assert.equal(bundle.sequenceNumber, 2n ** 64n - 1n)
    assert.equal(bundle.marshal(), text)
    const nested =
      '{"a":{"spiffe_sequence":1},"b":"\\"spiffe_sequence\\":2","keys":[],"spiffe_sequence":9007199254740993}'
    assert.equal(SpiffeBundle.parse(trustDomain, nested).sequenceNumber, 9007199254740993n)
  })

  test('ignores keys of unknown types and uses, those without use, certificate or ID, and further certificates', () => {
    const bundle = spiffe([
      { ...x509Entry, kty: 'OKP' },
      { ...jwtEntry, crv: 'secp256k1' },
      { ...jwtEntry, use: 'sig' },
      { ...jwtEntry, use: 'JWT-SVID' },
      { ...jwtEntry, use: 'wit-svid' },
      { ...jwtEntry, use: undefined },
      { ...jwtEntry, kid: undefined },
      { ...x509Entry, x5c: undefined },
      { ...x509Entry, x5c: [] },
      { ...x509Entry, x5c: [x5c, 'anything'] },
      { ...jwtEntry, unknown: 1 },
    ])
    assert.deepEqual([bundle.x509Authorities.length, bundle.jwtAuthorities.size], [1, 1])
  })

  test('without a usable key trusts nobody', () => {
    const bundle = spiffe([])
    assert.deepEqual([bundle.x509Bundle(), bundle.jwtBundle()], [undefined, undefined])
  })

  for (const [name, text] of Object.entries({
    'no JSON': '{',
    'a list': '[]',
    'without keys': '{}',
    'with keys that are no list': '{"keys":{}}',
    'with a key that is no object': '{"keys":[null]}',
    'with keys twice': '{"keys":[],"keys":[]}',
    'with a sequence number twice, once in disguise': '{"keys":[],"spiffe_sequence":1,"spiffe_\\u0073equence":2}',
    'with a fraction for a sequence number': '{"keys":[],"spiffe_sequence":1.5}',
    'with a negative sequence number': '{"keys":[],"spiffe_sequence":-1}',
    'with a sequence number of 65 bits': '{"keys":[],"spiffe_sequence":18446744073709551616}',
    'with a text for a sequence number': '{"keys":[],"spiffe_sequence":"1"}',
    'with a text for a refresh hint': '{"keys":[],"spiffe_refresh_hint":"1"}',
    'with a refresh hint of ages': '{"keys":[],"spiffe_refresh_hint":1e300}',
    'with a certificate that is none': JSON.stringify({ keys: [{ ...x509Entry, x5c: ['AAAA'] }] }),
    'with a certificate of a number': JSON.stringify({ keys: [{ ...x509Entry, x5c: [1] }] }),
    'with base64 that is none': JSON.stringify({
      keys: [{ ...x509Entry, x5c: [`${x5c.slice(0, 40)}\n${x5c.slice(40)}`] }],
    }),
    'with a key not on its curve': JSON.stringify({ keys: [{ ...jwtEntry, x: jwk.y }] }),
    'with a key that lacks a part': JSON.stringify({ keys: [{ ...jwtEntry, y: undefined }] }),
    'with two keys of one ID': JSON.stringify({
      keys: [
        jwtEntry,
        { ...new FakeJwtIssuer('a').publicKey.export({ format: 'jwk' }), use: 'jwt-svid', kid: 'key-1' },
      ],
    }),
    'with 1,001 authorities': JSON.stringify({ keys: Array.from({ length: 1_001 }, () => x509Entry) }),
  })) {
    test(`${name} is refused`, () => refused(() => SpiffeBundle.parse(trustDomain, text), 'ERR_SPIFFE_BUNDLE_INVALID'))
  }

  test('with a certificate whose key cannot be read is refused, and not first when it is written', () => {
    const damaged = Buffer.from(ca.certificate)
    const point = damaged.indexOf(Buffer.from('034200', 'hex')) + 3
    // Neither a compressed point nor one that is not.
    damaged[point] = 0x05
    const keys = [{ ...x509Entry, x5c: [damaged.toString('base64')] }]
    refused(() => spiffe(keys), 'ERR_SPIFFE_BUNDLE_INVALID')
    refused(() => new SpiffeBundle(trustDomain, { x509Authorities: [damaged] }), 'ERR_SPIFFE_BUNDLE_INVALID')
  })

  test('that is not UTF-8 is refused', () => {
    refused(() => SpiffeBundle.parse(trustDomain, Buffer.from([0x7b, 0xc3, 0x28, 0x7d])), 'ERR_SPIFFE_BUNDLE_INVALID')
  })
})

describe('a JWT bundle', () => {
  test('is read and written, keys without a use too, since agents send them', () => {
    const text = JSON.stringify({
      keys: [jwtEntry, { ...jwk, kid: 'key-2' }, { ...jwtEntry, use: 'x509-svid', kid: 'x' }],
    })
    const bundle = JwtBundle.parse(trustDomain, text)
    assert.deepEqual([...bundle.jwtAuthorities.keys()], ['key-1', 'key-2'])
    assert.ok(bundle.jwtAuthorities.get('key-1')?.equals(issuer.publicKey))
    assert.ok(JwtBundle.parse(trustDomain, Buffer.from(bundle.marshal())).equals(bundle))
    assert.ok(!bundle.equals(issuer.bundle))
  })

  test('takes the public part of a private key and no symmetric key', () => {
    const secret = issuer.key.export({ format: 'jwk' })
    const keys = [
      { ...secret, kid: 'a' },
      { kty: 'oct', k: 'AAAA', kid: 'b' },
    ]
    const bundle = JwtBundle.parse(trustDomain, JSON.stringify({ keys }))
    assert.deepEqual(
      [...bundle.jwtAuthorities].map(([id, key]) => [id, key.type]),
      [['a', 'public']],
    )
    assert.ok(!bundle.marshal().includes(secret.d!))
    refused(() => JwtBundle.fromJwtAuthorities(trustDomain, [['a', issuer.key]]), 'ERR_JWT_BUNDLE_INVALID')
    assert.equal(createPublicKey(issuer.key).equals(bundle.jwtAuthorities.get('a')!), true)
  })

  test('that is malformed is refused', () => {
    for (const text of [
      '',
      '{}',
      '[]',
      '{"keys":1}',
      '{"keys":[1]}',
      JSON.stringify({ keys: [{ ...jwtEntry, x: '!' }] }),
    ]) {
      refused(() => JwtBundle.parse(trustDomain, text), 'ERR_JWT_BUNDLE_INVALID')
    }
  })
})
