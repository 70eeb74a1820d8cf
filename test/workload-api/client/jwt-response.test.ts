import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  readJwtBundlesResponse,
  readJwtSvidResponse,
  readValidation,
} from '../../../workload-api/client/jwt-response.js'
import { parseSpiffeId } from '../../../workload-api/index.js'
import { FakeJwtIssuer } from '../material.js'

const issuer = new FakeJwtIssuer('example.org')
const good = { spiffeId: 'spiffe://example.org/a', svid: issuer.issue(), hint: '' }
const params = { audience: ['audience'] }
const jwks = Buffer.from(issuer.bundle.marshal())

test('of tokens with the same hint the first counts, and no hint repeats none', () => {
  const svids = [{ ...good, hint: 'x' }, { ...good, hint: 'x' }, good, good]
  assert.deepEqual(
    readJwtSvidResponse({ svids }, params).map(({ hint }) => hint),
    ['x', '', ''],
  )
})

for (const [name, svids, code] of [
  ['without a token', [], 'ERR_WORKLOAD_API_RESPONSE_INVALID'],
  ['with an empty token', [{ ...good, svid: '' }], 'ERR_WORKLOAD_API_RESPONSE_INVALID'],
  ['with an empty ID', [{ ...good, spiffeId: '' }], 'ERR_WORKLOAD_API_RESPONSE_INVALID'],
  ['with something else than a token', [{ ...good, svid: 'x' }], 'ERR_JWT_SVID_MALFORMED'],
  ['with the token of another ID', [{ ...good, spiffeId: 'spiffe://example.org/b' }], 'ERR_JWT_SVID_ID_MISMATCH'],
  ['with a token for somebody else', [{ ...good, svid: issuer.issue({ aud: 'x' }) }], 'ERR_JWT_SVID_AUDIENCE_MISMATCH'],
  ['with a token that has expired', [{ ...good, svid: issuer.issue({ exp: 1 }) }], 'ERR_JWT_SVID_EXPIRED'],
  ['with a bad token behind a good one', [good, { ...good, svid: 'x' }], 'ERR_JWT_SVID_MALFORMED'],
] as const) {
  test(`an answer ${name} is discarded whole`, () => {
    assert.throws(() => readJwtSvidResponse({ svids }, params), { name: 'SpiffeError', code })
  })
}

test('a token of another identity than the one asked for is refused', () => {
  const subject = parseSpiffeId('spiffe://example.org/b')
  assert.throws(() => readJwtSvidResponse({ svids: [good] }, { ...params, subject }), {
    code: 'ERR_JWT_SVID_ID_MISMATCH',
  })
})

test("an agent's word about another token than the one asked about is not taken", () => {
  const answer = { spiffeId: 'spiffe://example.org/b', claims: {} }
  assert.throws(() => readValidation(answer, good.svid), { code: 'ERR_JWT_SVID_ID_MISMATCH' })
})

test('an empty JWT bundle is as if it were not there', () => {
  const bundles = { 'spiffe://example.org': jwks, 'spiffe://partner.org': Buffer.alloc(0) }
  assert.deepEqual([...readJwtBundlesResponse({ bundles }).keys()], ['example.org'])
})

for (const [name, bundles, code] of [
  ['without a bundle', {}, 'ERR_WORKLOAD_API_RESPONSE_INVALID'],
  ['with a bundle named by a workload', { 'spiffe://example.org/a': jwks }, 'ERR_WORKLOAD_API_RESPONSE_INVALID'],
  ['with a bundle named by no ID', { 'example.org': jwks }, 'ERR_SPIFFE_ID_INVALID'],
  [
    'with one bundle of several malformed',
    { 'spiffe://example.org': jwks, 'spiffe://a': Buffer.from('{') },
    'ERR_JWT_BUNDLE_INVALID',
  ],
] as const) {
  test(`JWT bundles ${name} are discarded whole`, () => {
    assert.throws(() => readJwtBundlesResponse({ bundles }), { name: 'SpiffeError', code })
  })
}
