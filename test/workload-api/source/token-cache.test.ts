import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JwtSvid, SpiffeError, type SpiffeErrorCode } from '../../../workload-api/index.js'
import { TokenCache } from '../../../workload-api/source/token-cache.js'
import { FakeJwtIssuer } from '../material.js'

const issuer = new FakeJwtIssuer('example.org')
const params = { audience: ['audience'] }

/** Tokens of five minutes, on a clock and from an agent of the test's. */
class Agent {
  issued = 0
  failure: SpiffeErrorCode | undefined
  now = Date.now()
  readonly cache = new TokenCache(
    () => this.#issue(),
    () => this.now,
  )

  async #issue(): Promise<JwtSvid> {
    if (this.failure) throw new SpiffeError(this.failure, 'none')
    const exp = Math.floor(this.now / 1000) + 300
    return JwtSvid.unsafeParse(issuer.issue({ exp, jti: `${(this.issued += 1)}` }))
  }
}

test('a token is renewed at half of its life', async () => {
  const agent = new Agent()
  const first = await agent.cache.get(params)
  agent.now += 148_000
  assert.equal(await agent.cache.get(params), first)
  agent.now += 3_000
  assert.notEqual(await agent.cache.get(params), first)
  assert.equal(agent.issued, 2)
})

test('a token is used on to its end while no new one is to be had', async () => {
  const agent = new Agent()
  const first = await agent.cache.get(params)
  agent.failure = 'ERR_WORKLOAD_API_UNAVAILABLE'
  agent.now += 200_000
  assert.equal(await agent.cache.get(params), first)
  agent.now += 101_000
  await assert.rejects(agent.cache.get(params), { code: 'ERR_WORKLOAD_API_UNAVAILABLE' })
})

test('a token is not used on when the agent denies the next, not even when it is away afterwards', async () => {
  const agent = new Agent()
  await agent.cache.get(params)
  agent.now += 200_000
  for (const code of ['ERR_WORKLOAD_API_PERMISSION_DENIED', 'ERR_WORKLOAD_API_UNAVAILABLE'] as const) {
    agent.failure = code
    await assert.rejects(agent.cache.get(params), { code })
  }
})

test('tokens for more audiences than a program talks to are not kept for ever', async () => {
  const agent = new Agent()
  const first = await agent.cache.get({ audience: ['0'] })
  for (let name = 1; name <= 1_000; name++) await agent.cache.get({ audience: [`${name}`] })
  assert.notEqual(await agent.cache.get({ audience: ['0'] }), first)
})
