import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { describe, it } from 'node:test'

import { Identity, type IdentityKey, type NativeError, type SignatureScheme } from '../../../native/index.js'
import type { FakeKeyType } from '../../fakes/fake-ca.js'
import { assertHas, backend, echo, makeCast, openTunnel, readAll, readSome, tlsClient, until } from './fixture.js'

const cast = makeCast()
const schemes: readonly SignatureScheme[] = ['ecdsa_secp256r1_sha256']
type Sign = (scheme: SignatureScheme, message: Uint8Array) => Promise<Uint8Array>

const good: Sign = async (_, message) => sign('sha256', message, cast.server.key)

/** A signer that is good for the proof and becomes another when it is told. */
function turning(): { key: IdentityKey; turn: (to: Sign) => void } {
  let current = good
  return { key: { schemes, sign: (scheme, message) => current(scheme, message) }, turn: (to) => (current = to) }
}

function rejectsWith(code: NativeError['code']): (error: unknown) => boolean {
  return (error) => error instanceof Error && 'code' in error && error.code === code
}

describe('a signer in JavaScript', { timeout: 60_000 }, () => {
  it('signs every handshake with the schemes of its key', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { port } = await openTunnel(t, cast, endpoint, { key: { schemes, sign: good } })
    const client = tlsClient(t, port, cast.client)
    client.end('signed')
    assert.equal((await readAll(client)).bytes.toString(), 'signed')
  })

  const kinds: readonly (readonly [FakeKeyType, SignatureScheme, string])[] = [
    ['ec-p384', 'ecdsa_secp384r1_sha384', 'sha384'],
    ['rsa-2048', 'rsa_pss_rsae_sha256', 'sha256'],
  ]
  for (const [keyType, scheme, digest] of kinds) {
    it(`serves with a key of ${keyType} by callback and by bytes`, async (t) => {
      const own = cast.ca.issue('/server', { keyType })
      const { endpoint } = await backend(t, echo)
      const pss = keyType.startsWith('rsa') ? { padding: 6, saltLength: 32 } : {}
      const key: IdentityKey = {
        schemes: [scheme],
        sign: async (_, message) => sign(digest, message, { key: own.key, ...pss }),
      }
      for (const way of [key, { pkcs8: own.pkcs8 }]) {
        const { port } = await openTunnel(t, cast, endpoint, { chain: own.chain, key: way })
        const client = tlsClient(t, port, cast.client)
        client.end('signed')
        assert.equal((await readAll(client)).bytes.toString(), 'signed')
      }
    })
  }

  it('of another key is refused before use', async () => {
    const other = cast.ca.issue('/server')
    const wrong: IdentityKey = { schemes, sign: async (_, message) => sign('sha256', message, other.key) }
    await assert.rejects(Identity.create(cast.server.chain, wrong), rejectsWith('ERR_IDENTITY_KEY_MISMATCH'))
    await assert.rejects(
      Identity.create(cast.server.chain, { pkcs8: other.pkcs8 }),
      rejectsWith('ERR_IDENTITY_KEY_MISMATCH'),
    )
  })

  it('that does not answer the proof in time is refused', async () => {
    const silent: IdentityKey = { schemes, sign: () => new Promise(() => undefined) }
    const proof = Identity.create(cast.server.chain, silent, { timeoutMs: 50 })
    await assert.rejects(proof, rejectsWith('ERR_SIGNER_FAILED'))
  })

  const faults: Readonly<Record<string, Sign>> = {
    rejects: () => Promise.reject(new Error('device removed')),
    throws: () => {
      throw new Error('device removed')
    },
    'gives an empty signature': async () => new Uint8Array(),
    'gives garbage': async () => Buffer.from('not a signature'),
    'gives no bytes': async () => 'signature' as unknown as Uint8Array,
    'gives no promise': ((_: string, message: Uint8Array) => message) as unknown as Sign,
    'signs with another key': async (_, message) => sign('sha256', message, cast.client.key),
  }
  for (const [fault, faulty] of Object.entries(faults)) {
    it(`that ${fault} ends that handshake alone`, async (t) => {
      const { endpoint, connections } = await backend(t, echo)
      const { key, turn } = turning()
      const { port, outcome } = await openTunnel(t, cast, endpoint, { key })
      turn(faulty)
      const client = tlsClient(t, port, cast.client, {
        rejectUnauthorized: true,
        checkServerIdentity: () => undefined,
        ca: cast.ca.certificatePem,
      })
      client.write('x')
      assert.equal((await readAll(client)).bytes.length, 0)
      assert.match((await outcome()).outcome, /^(signer_failed|handshake_failed)$/)
      assert.equal(connections(), 0)
      turn(good)
      const next = tlsClient(t, port, cast.client)
      next.end('fine')
      assert.equal((await readAll(next)).bytes.toString(), 'fine')
    })
  }

  it('that never settles is given up at the handshake timeout', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { key, turn } = turning()
    const { port, outcome } = await openTunnel(t, cast, endpoint, { key, settings: { handshakeTimeoutMs: 200 } })
    turn(() => new Promise(() => undefined))
    await readAll(tlsClient(t, port, cast.client))
    assertHas(await outcome(), { outcome: 'signer_failed', reason: 'the signer did not answer in time' })
  })

  it('that takes 300 ms does not slow established connections', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { key, turn } = turning()
    const { port, tunnel } = await openTunnel(t, cast, endpoint, { key })
    const established = tlsClient(t, port, cast.client)
    established.write('warm')
    await readSome(established)
    turn(async (scheme, message) => {
      await new Promise((resolve) => setTimeout(resolve, 300))
      return good(scheme, message)
    })
    const waiting = Array.from({ length: 40 }, () => tlsClient(t, port, cast.client))
    await until(() => tunnel.stats().handshaking === 40)
    const times: number[] = []
    while (tunnel.stats().handshaking > 30) {
      const began = performance.now()
      established.write('ping')
      await readSome(established)
      times.push(performance.now() - began)
    }
    const median = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!
    assert.ok(median < 150, `median round trip ${median} ms`)
    for (const client of waiting) client.destroy()
  })

  it('with 100 signatures pending does not hold up close', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { key, turn } = turning()
    const { port, tunnel, outcomes } = await openTunnel(t, cast, endpoint, { key })
    turn(() => new Promise(() => undefined))
    const clients = Array.from({ length: 100 }, () => tlsClient(t, port, cast.client))
    await until(() => tunnel.stats().handshaking === 100)
    const began = performance.now()
    await tunnel.close()
    assert.ok(performance.now() - began < 5000)
    await until(() => outcomes.length === 100)
    assert.ok(outcomes.every(({ outcome }) => outcome === 'closed'))
    assert.equal(clients.length, 100)
  })
})
