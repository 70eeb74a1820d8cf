import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import {
  JwtBundle,
  JwtSvid,
  parseTrustDomain,
  validateJwtSvid,
  type JwtBundleSet,
  type SpiffeErrorCode,
  type ValidateJwtSvidOptions,
} from '../../../workload-api/index.js'
import { encode, FakeJwtIssuer } from '../material.js'

const issuer = new FakeJwtIssuer('example.org')
const audience = { audience: ['audience'] }

async function refused(
  token: string,
  code: SpiffeErrorCode,
  { bundles = issuer.bundles, options = audience }: { bundles?: JwtBundleSet; options?: ValidateJwtSvidOptions } = {},
): Promise<void> {
  await assert.rejects(validateJwtSvid(token, bundles, options), (error: Error & { code?: string }) => {
    assert.equal(error.code, code, error.message)
    // Neither its parts nor what is in them.
    for (const part of token.split('.')) if (part.length > 4) assert.ok(!inspect(error, { depth: 9 }).includes(part))
    return true
  })
}

describe('a JWT-SVID', () => {
  test('that is good is accepted and says whose it is', async () => {
    const token = issuer.issue({ aud: ['other', 'audience'], extra: { a: [1] } })
    const svid = await validateJwtSvid(token, issuer.bundles, audience)
    assert.deepEqual([svid.id, svid.audience], ['spiffe://example.org/a', ['other', 'audience']])
    assert.deepEqual(svid.claims['extra'], { a: [1] })
    assert.ok(svid.expiresAt.getTime() > Date.now())
    assert.equal(svid.marshal(), token)
  })

  for (const [type, algorithms] of [
    ['ec-p256', ['ES256']],
    ['ec-p384', ['ES384']],
    ['ec-p521', ['ES512']],
    ['rsa-2048', ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']],
  ] as const) {
    test(`may be signed by a key of type ${type}, with ${algorithms.join(', ')} and nothing else`, async () => {
      const other = new FakeJwtIssuer('example.org', 'k', type)
      for (const alg of algorithms) await validateJwtSvid(other.issue({}, { alg }), other.bundles, audience)
      const all = ['ES256', 'ES384', 'ES512', 'RS256', 'PS256'].filter((alg) => !algorithms.some((fit) => fit === alg))
      for (const alg of all) {
        // Signed as the key can, called what it cannot be.
        const token = `${encode({ alg, kid: 'k' })}.${other.issue({}, { alg: algorithms[0] }).split('.').slice(1).join('.')}`
        await refused(token, 'ERR_JWT_SVID_UNTRUSTED', { bundles: other.bundles })
      }
    })
  }

  test('with alg none is refused', async () => {
    const [, payload] = issuer.issue().split('.')
    for (const alg of ['none', 'None', 'NONE', '']) {
      await refused(`${encode({ alg })}.${payload}.`, 'ERR_JWT_SVID_ALGORITHM_NOT_ALLOWED')
    }
  })

  test('with HS256 keyed with the public key is refused', async () => {
    const [, payload] = issuer.issue().split('.')
    const forms = [
      issuer.publicKey.export({ type: 'spki', format: 'pem' }),
      issuer.publicKey.export({ type: 'spki', format: 'der' }),
      JSON.stringify(issuer.publicKey.export({ format: 'jwk' })),
    ]
    for (const key of forms) {
      const input = `${encode({ alg: 'HS256', kid: issuer.keyId })}.${payload}`
      const mac = createHmac('sha256', key).update(input).digest('base64url')
      await refused(`${input}.${mac}`, 'ERR_JWT_SVID_ALGORITHM_NOT_ALLOWED')
    }
  })

  test('with an algorithm of JOSE that is not of the standard is refused', async () => {
    for (const alg of ['EdDSA', 'Ed25519', 'ES256K', 'HS512', 'RSA-OAEP', 'toString', 1, null, undefined]) {
      const [, payload, signature] = issuer.issue().split('.')
      await refused(`${encode({ alg })}.${payload}.${signature}`, 'ERR_JWT_SVID_ALGORITHM_NOT_ALLOWED')
    }
  })

  test('with a wrong aud is refused', async () => {
    for (const aud of ['other', ['other'], ['audience '], ['Audience']]) {
      await refused(issuer.issue({ aud }), 'ERR_JWT_SVID_AUDIENCE_MISMATCH')
    }
  })

  test('with a missing aud is refused', async () => {
    for (const aud of [undefined, [], '', [''], null, 1, ['audience', 1], { audience: true }]) {
      await refused(issuer.issue({ aud }), 'ERR_JWT_SVID_INVALID')
    }
  })

  test('of a trust domain with a trailing dot is refused', async () => {
    await refused(issuer.issue({ sub: 'spiffe://example.org./a' }), 'ERR_JWT_BUNDLE_NOT_FOUND')
    const dotted = new FakeJwtIssuer('example.org.')
    await refused(dotted.issue(), 'ERR_JWT_BUNDLE_NOT_FOUND')
  })

  test('that has expired is refused, with a leeway of ten seconds', async () => {
    const now = Math.floor(Date.now() / 1000)
    await refused(issuer.issue({ exp: now - 60 }), 'ERR_JWT_SVID_EXPIRED')
    await validateJwtSvid(issuer.issue({ exp: now - 5 }), issuer.bundles, audience)
    await refused(issuer.issue({ exp: now - 5 }), 'ERR_JWT_SVID_EXPIRED', {
      options: { ...audience, leewaySeconds: 0 },
    })
    const time = new Date((now + 600) * 1000)
    await refused(issuer.issue(), 'ERR_JWT_SVID_EXPIRED', { options: { ...audience, time } })
  })

  test('without an exp that is a time is refused', async () => {
    for (const exp of [undefined, null, 'tomorrow', '1900000000', -1, 1e300, {}, [1]]) {
      await refused(issuer.issue({ exp }), 'ERR_JWT_SVID_INVALID')
    }
  })

  test('that is not valid yet is refused; when it was issued does not matter', async () => {
    const later = Math.floor(Date.now() / 1000) + 100
    await refused(issuer.issue({ nbf: later }), 'ERR_JWT_SVID_NOT_YET_VALID')
    await refused(issuer.issue({ nbf: 'now' }), 'ERR_JWT_SVID_INVALID')
    await validateJwtSvid(issuer.issue({ iat: later }), issuer.bundles, audience)
    await validateJwtSvid(issuer.issue({ iat: undefined }), issuer.bundles, audience)
  })

  test('with an unknown kid is refused', async () => {
    await refused(issuer.issue({}, { kid: 'key-2' }), 'ERR_JWT_SVID_KEY_NOT_FOUND')
    for (const kid of ['', 1, null, ['key-1']]) await refused(issuer.issue({}, { kid }), 'ERR_JWT_SVID_INVALID')
  })

  test('without a kid is tried with the keys that fit', async () => {
    const other = new FakeJwtIssuer('example.org', 'key-2')
    const keys = [
      ['key-2', other.publicKey],
      ['key-1', issuer.publicKey],
    ] as const
    const bundle = JwtBundle.fromJwtAuthorities(issuer.trustDomain, keys)
    const bundles = new Map([[issuer.trustDomain, bundle]])
    await validateJwtSvid(issuer.issue({}, { kid: undefined }), bundles, audience)
    const stranger = new FakeJwtIssuer('example.org')
    await refused(stranger.issue({}, { kid: undefined }), 'ERR_JWT_SVID_UNTRUSTED', { bundles })
    const empty = new Map([[issuer.trustDomain, JwtBundle.fromJwtAuthorities(issuer.trustDomain, [])]])
    await refused(issuer.issue({}, { kid: undefined }), 'ERR_JWT_SVID_KEY_NOT_FOUND', { bundles: empty })
  })

  test("signed by another trust domain's authority, or with a changed byte, is refused", async () => {
    const other = new FakeJwtIssuer('partner.org')
    const bundles = new Map([...issuer.bundles, ...other.bundles])
    await refused(other.issue({ sub: 'spiffe://example.org/a' }), 'ERR_JWT_SVID_UNTRUSTED', { bundles })
    const [header, payload, signature = ''] = issuer.issue().split('.')
    const changed = (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1)
    await refused(`${header}.${payload}.${changed}`, 'ERR_JWT_SVID_UNTRUSTED')
    await refused(`${header}.${payload}.`, 'ERR_JWT_SVID_UNTRUSTED')
  })

  test('whose subject is no workload is refused', async () => {
    for (const sub of [
      undefined,
      'a',
      'https://example.org/a',
      'spiffe://example.org',
      'spiffe://example.org/',
      'spiffe://Example.org/a',
      1,
    ]) {
      await refused(issuer.issue({ sub }), 'ERR_JWT_SVID_INVALID')
    }
  })

  test('with a header that is not of the standard is refused', async () => {
    const jwk = issuer.publicKey.export({ format: 'jwk' })
    for (const header of [
      { jwk },
      { jku: 'https://a' },
      { x5u: 'https://a' },
      { crit: ['b64'], b64: false },
      { typ: 'wit+jwt' },
    ]) {
      await refused(issuer.issue({}, header), 'ERR_JWT_SVID_INVALID')
    }
    await validateJwtSvid(issuer.issue({}, { typ: 'JOSE' }), issuer.bundles, audience)
    await validateJwtSvid(issuer.issue({}, { typ: undefined }), issuer.bundles, audience)
  })

  test('shows its token to whom asks for it and to no log', () => {
    const token = issuer.issue()
    const svid = JwtSvid.unsafeParse(token)
    const signature = token.split('.')[2]!
    for (const shown of [inspect(svid, { depth: 9, showHidden: true }), JSON.stringify(svid)]) {
      assert.ok(!shown.includes(signature))
    }
    assert.equal(svid.marshal(), token)
  })

  test('is validated for somebody: no audience is a mistake of the program', async () => {
    for (const names of [[], ['']]) {
      await assert.rejects(validateJwtSvid(issuer.issue(), issuer.bundles, { audience: names }), TypeError)
    }
    assert.equal(issuer.trustDomain, parseTrustDomain('example.org'))
  })
})
