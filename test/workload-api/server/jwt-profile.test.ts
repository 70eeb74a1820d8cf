import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js'
import {
  JwtSvid,
  parseSpiffeId,
  SpiffeError,
  type JwtBundleSet,
  type JwtSvidOrder,
} from '../../../workload-api/index.js'
import type { ValidateJwtSvidResponse } from '../../../workload-api/proto/jwt-messages.js'
import { workloadApiService } from '../../../workload-api/proto/workload-service.js'
import { LocalWorkloadApi, Told } from '../local-workload-api.js'
import { FakeJwtIssuer } from '../material.js'

const issuer = new FakeJwtIssuer('example.org')
const partner = new FakeJwtIssuer('partner.org')
const everything = new Map([...issuer.bundles, ...partner.bundles])

function issue(_peer: string, { audience, subject }: JwtSvidOrder): Promise<JwtSvid[]> {
  const ids = subject === undefined ? ['spiffe://example.org/a', 'spiffe://example.org/b'] : [subject]
  return Promise.resolve(ids.map((sub) => JwtSvid.unsafeParse(issuer.issue({ sub, aud: audience }), sub.slice(-1))))
}

function start(fetchJwtSvids = issue, told = new Told<JwtBundleSet>(everything)): Promise<LocalWorkloadApi> {
  return LocalWorkloadApi.start({ fetchJwtSvids, watchJwtBundles: (_peer, signal) => told.watch(signal) })
}

/** One unary call by hand, with or without the header. */
function call(
  api: LocalWorkloadApi,
  name: 'FetchJWTSVID' | 'ValidateJWTSVID',
  bytes: Buffer,
  header = true,
): Promise<ServiceError | object> {
  const client = new Client(api.address, credentials.createInsecure())
  const metadata = new Metadata()
  if (header) metadata.set('workload.spiffe.io', 'true')
  const { path, responseDeserialize } = workloadApiService[name]
  return new Promise((resolve) => {
    client.makeUnaryRequest<Buffer, object>(
      path,
      (raw) => raw,
      responseDeserialize,
      bytes,
      metadata,
      (error, answer) => {
        client.close()
        resolve(error ?? answer!)
      },
    )
  })
}

describe('the JWT profile of the Workload API', () => {
  test('FetchJWTSVID gives a token for each identity, with its hint, or the one that was asked for', async () => {
    await using api = await start()
    await using client = api.client()
    const both = await client.fetchJwtSvids({ audience: ['x', 'y'] })
    assert.deepEqual(
      both.map(({ id, hint, audience }) => [id, hint, audience]),
      [
        ['spiffe://example.org/a', 'a', ['x', 'y']],
        ['spiffe://example.org/b', 'b', ['x', 'y']],
      ],
    )
    const subject = parseSpiffeId('spiffe://example.org/c')
    assert.equal((await client.fetchJwtSvid({ audience: ['x'], subject })).id, subject)
  })

  test('FetchJWTBundles gives every bundle, and each change of one', async () => {
    const told = new Told<JwtBundleSet>(issuer.bundles)
    await using api = await start(issue, told)
    await using client = api.client()
    assert.deepEqual([...(await client.fetchJwtBundles()).keys()], ['example.org'])
    const sizes: number[] = []
    for await (const bundles of client.watchJwtBundles()) {
      sizes.push(bundles.size)
      if (bundles.size === 2) break
      assert.ok(bundles.get(issuer.trustDomain)?.equals(issuer.bundle))
      // The same again is not told, which would be a third size.
      told.tell(issuer.bundles)
      told.tell(everything)
    }
    assert.deepEqual(sizes, [1, 2])
  })

  test('ValidateJWTSVID says whose a good token is, its claims, and aud as a list', async () => {
    await using api = await start()
    await using client = api.client()
    const claims = { aud: 'audience', deep: { list: [1, 'two', true, null, { three: 3.5 }] }, none: null }
    const token = partner.issue(claims)
    assert.equal((await client.validateJwtSvid(token, 'audience')).id, 'spiffe://partner.org/a')
    const request = workloadApiService.ValidateJWTSVID.requestSerialize({ audience: 'audience', svid: token })
    const answer = (await call(api, 'ValidateJWTSVID', request)) as ValidateJwtSvidResponse
    assert.deepEqual(answer.claims['aud'], ['audience'])
    assert.deepEqual([answer.claims['deep'], answer.claims['none']], [claims.deep, null])
  })

  test('ValidateJWTSVID refuses a token that is not good as InvalidArgument, and does not repeat it', async () => {
    await using api = await start()
    await using client = api.client()
    const tokens = [
      issuer.issue({ exp: 1 }),
      issuer.issue({}, { kid: 'other' }),
      new FakeJwtIssuer('example.org').issue(),
      new FakeJwtIssuer('elsewhere.org').issue(),
      'nonsense',
    ]
    for (const token of tokens) {
      await assert.rejects(client.validateJwtSvid(token, 'audience'), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'ERR_WORKLOAD_API_INVALID_ARGUMENT')
        assert.ok(!(error.cause as Error).message.includes(token))
        return true
      })
    }
    await assert.rejects(client.validateJwtSvid(issuer.issue(), 'other'), { code: 'ERR_WORKLOAD_API_INVALID_ARGUMENT' })
  })

  test('a mandatory field at its default, an invalid ID, or no header is InvalidArgument', async () => {
    await using api = await start()
    const ask = workloadApiService.FetchJWTSVID.requestSerialize
    const validate = workloadApiService.ValidateJWTSVID.requestSerialize
    const many = Array.from({ length: 33 }, (_, index) => `a${index}`)
    const calls = [
      call(api, 'FetchJWTSVID', ask({ audience: [], spiffeId: '' })),
      call(api, 'FetchJWTSVID', ask({ audience: [''], spiffeId: '' })),
      call(api, 'FetchJWTSVID', ask({ audience: many, spiffeId: '' })),
      call(api, 'FetchJWTSVID', ask({ audience: ['x'], spiffeId: 'spiffe://Example.org/a' })),
      call(api, 'FetchJWTSVID', ask({ audience: ['x'], spiffeId: '' }), false),
      call(api, 'ValidateJWTSVID', validate({ audience: '', svid: issuer.issue() })),
      call(api, 'ValidateJWTSVID', validate({ audience: 'audience', svid: '' })),
      call(api, 'ValidateJWTSVID', validate({ audience: 'audience', svid: issuer.issue() }), false),
    ]
    for (const answer of await Promise.all(calls)) assert.equal((answer as ServiceError).code, status.INVALID_ARGUMENT)
  })

  test('an ID that is not the caller’s is PermissionDenied, a fault of the server Unavailable and not described', async () => {
    const refuse = (_peer: string, { subject }: JwtSvidOrder): Promise<JwtSvid[]> => {
      if (subject === undefined) throw new Error('the key is in the drawer')
      throw new SpiffeError('ERR_WORKLOAD_API_PERMISSION_DENIED', 'not yours')
    }
    await using api = await start(refuse)
    await using client = api.client()
    const subject = parseSpiffeId('spiffe://example.org/other')
    await assert.rejects(client.fetchJwtSvid({ audience: ['x'], subject }), {
      code: 'ERR_WORKLOAD_API_PERMISSION_DENIED',
    })
    await assert.rejects(client.fetchJwtSvid({ audience: ['x'] }), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'ERR_WORKLOAD_API_UNAVAILABLE')
      assert.ok(!String(error.cause).includes('drawer'))
      return true
    })
  })

  test('a server whose issuer does not keep to the order sends nothing of it', async () => {
    await using api = await start(() => issue('', { audience: ['other'], subject: undefined }))
    await using client = api.client()
    await assert.rejects(client.fetchJwtSvid({ audience: ['x'] }), { code: 'ERR_WORKLOAD_API_UNAVAILABLE' })
  })

  test('an agent without the JWT profile is Unimplemented, which is not retried', async () => {
    await using api = await LocalWorkloadApi.start({})
    await using client = api.client()
    const code = 'ERR_WORKLOAD_API_UNIMPLEMENTED'
    await assert.rejects(client.fetchJwtSvid({ audience: ['x'] }), { code })
    await assert.rejects(client.validateJwtSvid(issuer.issue(), 'x'), { code })
    await assert.rejects(client.watchJwtBundles().next(), { code })
  })

  test('a call ends with the signal or the client, and says which', async () => {
    await using api = await start(() => new Promise(() => {}))
    await using client = api.client()
    const stop = new AbortController()
    const stopped = client.fetchJwtSvid({ audience: ['x'] }, { signal: stop.signal })
    stop.abort(new Error('enough'))
    await assert.rejects(stopped, /enough/)
    const closed = client.fetchJwtSvid({ audience: ['x'] })
    await Promise.all([client.close(), assert.rejects(closed, { code: 'ERR_WORKLOAD_API_CLOSED' })])
  })
})
