import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it, type TestContext } from 'node:test'
import type { TLSSocket } from 'node:tls'

import { type AuthorizeCallback, BundleSet, Identity } from '../../../native/index.js'
import { FakeCa } from '../../fakes/fake-ca.js'
import { assertHas, backend, echo, makeCast, openTunnel, readAll, readSome, tlsClient, until } from './fixture.js'

const cast = makeCast()
const denyAll: AuthorizeCallback = () => ({ allowed: false, reason: 'not today' })

async function refusalOf(socket: TLSSocket): Promise<string> {
  return String((await readAll(socket)).error?.code)
}

async function talkingClient(t: TestContext, port: number, own = cast.client): Promise<TLSSocket> {
  const client = tlsClient(t, port, own)
  client.write('hello')
  await readSome(client)
  return client
}

describe('the authorizer of a tunnel', { timeout: 60_000 }, () => {
  it('refuses a peer with access_denied, its reason in the audit, and no byte at the backend', async (t) => {
    const { endpoint, connections } = await backend(t, echo)
    const { port, outcome } = await openTunnel(t, cast, endpoint, { authorize: denyAll })
    assert.equal(await refusalOf(tlsClient(t, port, cast.client)), 'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED')
    assertHas(await outcome(), {
      outcome: 'denied',
      reason: 'not today',
      decision: 'denied',
      peer: 'spiffe://example.org/client',
    })
    assert.equal(connections(), 0)
  })

  it('keeps a reason with control characters on one line of printable ASCII', async (t) => {
    const { endpoint } = await backend(t, echo)
    const authorize: AuthorizeCallback = () => ({ allowed: false, reason: 'a\nb\u001B[31mü'.padEnd(5000, 'x') })
    const { port, outcome } = await openTunnel(t, cast, endpoint, { authorize })
    await refusalOf(tlsClient(t, port, cast.client))
    const { reason } = await outcome()
    assert.match(reason, /^a\\nb\\u\{1b\}\[31m\\u\{fc\}x+\.\.\.$/)
    assert.ok(reason.length < 400)
  })

  const faults: Readonly<Record<string, unknown>> = {
    throws: () => {
      throw new Error('out of order')
    },
    'gives a promise': async () => ({ allowed: true }),
    'gives true': () => true,
    'gives nothing': () => undefined,
    'says yes with a string': () => ({ allowed: 'yes' }),
    'refuses without a reason': () => ({ allowed: false }),
  }
  for (const [fault, authorize] of Object.entries(faults)) {
    it(`refuses when it ${fault}`, async (t) => {
      const { endpoint, connections } = await backend(t, echo)
      const { port, outcome } = await openTunnel(t, cast, endpoint, { authorize: authorize as AuthorizeCallback })
      assert.equal(await refusalOf(tlsClient(t, port, cast.client)), 'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED')
      assertHas(await outcome(), { outcome: 'authorizer_failed', decision: 'denied' })
      assert.equal(connections(), 0)
    })
  }

  it('is asked once for each SPIFFE ID', async (t) => {
    const { endpoint } = await backend(t, echo)
    const asked: string[] = []
    const { port, tunnel } = await openTunnel(t, cast, endpoint, {
      authorize: (peer, chain) => {
        asked.push(`${peer} ${chain.length}`)
        return { allowed: true }
      },
    })
    for (const own of [cast.client, cast.client, cast.ca.issue('/client'), cast.ca.issue('/other')]) {
      await talkingClient(t, port, own)
    }
    assert.deepEqual(asked, ['spiffe://example.org/client 0', 'spiffe://example.org/other 0'])
    assert.equal(tunnel.stats().verdictsCached, 2)
  })

  it('is asked once for each chain when it reads chains', async (t) => {
    const { endpoint } = await backend(t, echo)
    const asked: Uint8Array[] = []
    const { port } = await openTunnel(t, cast, endpoint, {
      authorizeReadsChain: true,
      authorize: (_, chain) => {
        asked.push(...chain)
        return { allowed: true }
      },
    })
    const renewed = cast.ca.issue('/client')
    for (const own of [cast.client, cast.client, renewed]) await talkingClient(t, port, own)
    assert.deepEqual(
      asked.map((der) => Buffer.from(der)),
      [cast.client, renewed].map((own) => Buffer.from(own.certificate)),
    )
  })

  it('of one tunnel says nothing for another with the same identity', async (t) => {
    const { endpoint } = await backend(t, echo)
    const open = await openTunnel(t, cast, endpoint)
    const shut = await openTunnel(t, cast, endpoint, { authorize: denyAll })
    const session = await talkingClient(t, open.port)
    assert.equal(
      await refusalOf(tlsClient(t, shut.port, cast.client, { session: session.getSession() })),
      'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED',
    )
  })
})

describe('a change of policy or bundles', { timeout: 60_000 }, () => {
  it('resets live connections of a peer that is no longer allowed, within a second', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { port, tunnel, outcome } = await openTunnel(t, cast, endpoint)
    const [client, other] = [await talkingClient(t, port), await talkingClient(t, port, cast.ca.issue('/other'))]
    const began = performance.now()
    const generation = tunnel.update({
      authorize: (peer) => (peer.endsWith('/other') ? { allowed: true } : { allowed: false, reason: 'removed' }),
    })
    assert.equal(generation, 2)
    assert.equal(await refusalOf(client), 'ECONNRESET')
    assert.ok(performance.now() - began < 1000)
    assertHas(await outcome(), { outcome: 'revoked', reason: 'removed', decision: 'denied' })
    other.write('still here')
    assert.equal((await readSome(other)).toString(), 'still here')
  })

  it('lets no byte of a removed peer through that races handshakes in a loop', async (t) => {
    let removed = false
    let late = 0
    let open = 0
    const { endpoint } = await backend(t, (socket) => {
      open += 1
      socket.once('close', () => (open -= 1))
      socket.on('data', () => {
        if (removed) late += 1
      })
      echo(socket)
    })
    const { port, tunnel } = await openTunnel(t, cast, endpoint)
    const race = async (): Promise<void> => {
      for (let round = 0; round < 60; round += 1) {
        const client = tlsClient(t, port, cast.client)
        client.end('x')
        await readAll(client)
        client.destroy()
      }
    }
    const races = Promise.all([race(), race(), race(), race()])
    await until(() => tunnel.stats().outcomes.completed >= 20)
    tunnel.update({ authorize: denyAll })
    // What was let in before is over, and the backend has read all of it.
    await until(() => tunnel.stats().active === 0 && open === 0)
    removed = true
    await races
    assert.equal(late, 0)
    assert.ok(tunnel.stats().outcomes.denied > 0)
  })

  it('resets live connections whose trust domain is gone', async (t) => {
    const { endpoint } = await backend(t, echo)
    const partner = FakeCa.create('partner.org')
    const both = new Map([...cast.ca.bundles, ...partner.bundles])
    const { port, tunnel, outcome } = await openTunnel(t, cast, endpoint, { bundles: both })
    const client = await talkingClient(t, port, partner.issue('/client'))
    tunnel.update({ bundles: BundleSet.create(cast.ca.bundles) })
    assert.equal(await refusalOf(client), 'ECONNRESET')
    assertHas(await outcome(), { outcome: 'revoked', peer: 'spiffe://partner.org/client' })
  })

  it('resets live connections whose authority was removed before its end', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { port, tunnel, outcome } = await openTunnel(t, cast, endpoint)
    const client = await talkingClient(t, port)
    tunnel.update({ bundles: BundleSet.create(FakeCa.create('example.org').bundles) })
    assert.equal(await refusalOf(client), 'ECONNRESET')
    assert.equal((await outcome()).outcome, 'revoked')
  })

  it('keeps connections whose authority was renewed with the same key', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { port, tunnel } = await openTunnel(t, cast, endpoint)
    const client = await talkingClient(t, port)
    const renewed = FakeCa.create('example.org', { key: cast.ca.key, serialNumber: 77n })
    tunnel.update({ bundles: BundleSet.create(renewed.bundles) })
    client.write('still here')
    assert.equal((await readSome(client)).toString(), 'still here')
  })

  it('keeps connections whose authority was pruned after its end', async (t) => {
    const { endpoint } = await backend(t, echo)
    const notAfter = new Date(Date.now() + 2000)
    const ending = FakeCa.create('example.org', { notAfter })
    const own = ending.issue('/client', { notAfter })
    const bundles = new Map([['example.org', [cast.ca.certificate, ending.certificate]]])
    const { port, tunnel } = await openTunnel(t, cast, endpoint, { bundles })
    const client = await talkingClient(t, port, own)
    await until(() => Date.now() > notAfter.getTime() + 2000)
    tunnel.update({ bundles: BundleSet.create(cast.ca.bundles), authorize: () => ({ allowed: true }) })
    client.write('still here')
    assert.equal((await readSome(client)).toString(), 'still here')
  })

  it('drops no connection when the identity rotates under load', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { port, tunnel } = await openTunnel(t, cast, endpoint)
    const held = await talkingClient(t, port)
    const serials = new Set<string>()
    for (let rotation = 0; rotation < 5; rotation += 1) {
      const own = cast.ca.issue('/server')
      tunnel.update({ identity: await Identity.create(own.chain, { pkcs8: own.pkcs8 }) })
      const client = tlsClient(t, port, cast.client)
      await once(client, 'secureConnect')
      serials.add(client.getPeerCertificate().serialNumber)
      client.end('x')
      assert.equal((await readAll(client)).bytes.toString(), 'x')
      held.write('y')
      assert.equal((await readSome(held)).toString(), 'y')
    }
    assert.equal(serials.size, 5)
  })
})
