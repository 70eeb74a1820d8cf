import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JwtSvid, SpiffeError } from '../../../workload-api/index.js'
import { encode, FakeJwtIssuer } from '../material.js'

const token = new FakeJwtIssuer('example.org').issue()
const [header = '', payload = '', signature = ''] = token.split('.')
const raw = (text: string): string => Buffer.from(text).toString('base64url')

const hostile: Readonly<Record<string, string>> = {
  'an empty text': '',
  'one part': header,
  'two parts': `${header}.${payload}`,
  'four parts': `${token}.`,
  'five parts, as an encrypted token has': `${token}.a.b`,
  'the JSON serialization': JSON.stringify({ payload, protected: header, signature }),
  'a scheme before it': `Bearer ${token}`,
  'white space around it': ` ${token}\n`,
  padding: `${header}=.${payload}.${signature}`,
  'the alphabet of plain base64': `${raw('{"alg":"ES256","kid":"?>?>"}').replaceAll('-', '+').replaceAll('_', '/')}+.${payload}.${signature}`,
  'a byte that is no character of base64url': `${header}.${payload}\u0000.${signature}`,
  'spare bits in the last character': `${header}.${payload.slice(0, -1)}${payload.endsWith('A') ? 'B' : 'A'}x.${signature}`,
  'a header that is a list': `${raw('[]')}.${payload}.${signature}`,
  'a header that is null': `${raw('null')}.${payload}.${signature}`,
  'a payload that is a text': `${header}.${raw('"text"')}.${signature}`,
  'a payload that is cut': `${header}.${raw('{"sub":"spi')}.${signature}`,
  'a payload that is not UTF-8': `${header}.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.${signature}`,
  'a payload nested a hundred thousand deep': `${header}.${raw('['.repeat(40_000))}.${signature}`,
  'a token of a megabyte': `${header}.${encode({ sub: 'a'.repeat(1_000_000) })}.${signature}`,
  'nothing but dots': '.'.repeat(65_000),
}

for (const [name, text] of Object.entries(hostile)) {
  test(`${name} is no JWT-SVID, and the error does not repeat it`, () => {
    assert.throws(
      () => JwtSvid.unsafeParse(text),
      (error: unknown) => {
        assert.ok(error instanceof SpiffeError && error.code === 'ERR_JWT_SVID_MALFORMED')
        assert.ok(error.message.length < 200 && error.cause === undefined)
        return true
      },
    )
  })
}

test('members named as those of every object are claims like any other', () => {
  const hostileClaims = `{"sub":"spiffe://example.org/a","aud":"x","exp":9999999999,"__proto__":{"polluted":1},"constructor":2}`
  const svid = JwtSvid.unsafeParse(`${header}.${raw(hostileClaims)}.${signature}`)
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
  assert.equal(svid.claims['constructor'], 2)
})
