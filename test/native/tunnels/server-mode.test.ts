import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, it } from 'node:test'

import {
  assertHas,
  backend,
  echo,
  folder,
  makeCast,
  openTunnel,
  plainClient,
  readAll,
  readSome,
  tlsClient,
  until,
} from './fixture.js'

const cast = makeCast()
const limit = { timeout: 60_000 }
const megabytes = Buffer.alloc(20_000_000, 'svidecar ')

describe('a tunnel in server mode', limit, () => {
  it('carries many bytes both ways and reports who they came from', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { port, outcome } = await openTunnel(t, cast, endpoint)
    const client = tlsClient(t, port, cast.client)
    client.end(megabytes)
    const { bytes } = await readAll(client)
    assert.ok(bytes.equals(megabytes))
    assertHas(await outcome(), {
      peer: 'spiffe://example.org/client',
      outcome: 'completed',
      decision: 'allowed',
      bytesFromPeer: megabytes.length,
      bytesToPeer: megabytes.length,
    })
  })

  it('speaks TLS 1.3 with AES-128-GCM and shows its own SVID', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { port } = await openTunnel(t, cast, endpoint)
    const client = tlsClient(t, port, cast.client)
    await once(client, 'secureConnect')
    assert.equal(client.getProtocol(), 'TLSv1.3')
    assert.equal(client.getCipher().standardName, 'TLS_AES_128_GCM_SHA256')
    assert.equal(client.getPeerCertificate().subjectaltname, 'URI:spiffe://example.org/server')
  })

  it('passes a half-close of the peer on while the target still sends', async (t) => {
    const { endpoint } = await backend(t, (socket) => {
      socket.resume()
      socket.once('end', () => socket.end(megabytes))
    })
    const { port, outcome } = await openTunnel(t, cast, endpoint)
    const client = tlsClient(t, port, cast.client)
    client.end('that is all')
    const { bytes } = await readAll(client)
    assert.ok(bytes.equals(megabytes))
    assert.equal((await outcome()).outcome, 'completed')
  })

  it('passes a half-close of the target on while the peer still sends', async (t) => {
    let received = 0
    const { endpoint } = await backend(t, (socket) => {
      socket.end('that is all')
      socket.on('data', (chunk) => (received += chunk.length))
    })
    const { port, outcome } = await openTunnel(t, cast, endpoint)
    const client = tlsClient(t, port, cast.client)
    const { bytes } = await readAll(client)
    assert.equal(bytes.toString(), 'that is all')
    client.end(megabytes)
    assert.equal((await outcome()).outcome, 'completed')
    await until(() => received === megabytes.length)
  })

  it('hands on what a truncated peer sent and then resets a TCP target', async (t) => {
    const ends: string[] = []
    const { endpoint } = await backend(t, (socket) => {
      socket.on('data', (chunk) => ends.push(chunk.toString()))
      socket.once('end', () => ends.push('end'))
      socket.once('error', (error: NodeJS.ErrnoException) => ends.push(String(error.code)))
    })
    const { port, outcome } = await openTunnel(t, cast, endpoint)
    const raw = plainClient(t, { host: '127.0.0.1', port })
    const client = tlsClient(t, port, cast.client, { socket: raw })
    await once(client, 'secureConnect')
    client.write('last words')
    await until(() => ends.includes('last words'))
    // The FIN goes out beneath TLS, so there is no close_notify.
    raw.end()
    assert.equal((await outcome()).outcome, 'truncated')
    await until(() => ends.length > 1)
    assert.deepEqual(ends, ['last words', 'ECONNRESET'])
  })

  it('closes both directions of a unix target at once when the peer is truncated', async (t) => {
    const ends: string[] = []
    const { endpoint } = await backend(
      t,
      (socket) => {
        socket.on('data', (chunk) => ends.push(chunk.toString()))
        socket.once('close', () => ends.push('close'))
        socket.once('end', () => socket.end())
      },
      join(folder(t), 'backend.sock'),
    )
    const { port, outcome } = await openTunnel(t, cast, endpoint)
    const raw = plainClient(t, { host: '127.0.0.1', port })
    const client = tlsClient(t, port, cast.client, { socket: raw })
    await once(client, 'secureConnect')
    client.write('last words')
    await until(() => ends.includes('last words'))
    raw.end()
    assert.equal((await outcome()).outcome, 'truncated')
    await until(() => ends.includes('close'))
  })

  it('resets the peer when the target is down', async (t) => {
    const { server, endpoint } = await backend(t, echo)
    server.close()
    await once(server, 'close')
    const { port, outcome } = await openTunnel(t, cast, endpoint)
    const client = tlsClient(t, port, cast.client)
    assert.equal((await readAll(client)).error?.code, 'ECONNRESET')
    assertHas(await outcome(), { outcome: 'target_unreachable', decision: 'allowed' })
  })

  it('resets the peer when the target resets', async (t) => {
    const { endpoint } = await backend(t, (socket) => {
      socket.once('data', () => socket.resetAndDestroy())
    })
    const { port, outcome } = await openTunnel(t, cast, endpoint)
    const client = tlsClient(t, port, cast.client)
    client.write('hello')
    assert.equal((await readAll(client)).error?.code, 'ECONNRESET')
    assert.equal((await outcome()).outcome, 'target_reset')
  })

  it('resets the target when the peer resets', async (t) => {
    const errors: unknown[] = []
    let received = 0
    const { endpoint } = await backend(t, (socket) => {
      socket.on('data', (chunk) => (received += chunk.length))
      socket.once('error', (error: NodeJS.ErrnoException) => errors.push(error.code))
    })
    const { port, outcome } = await openTunnel(t, cast, endpoint)
    const raw = plainClient(t, { host: '127.0.0.1', port })
    const client = tlsClient(t, port, cast.client, { socket: raw })
    client.write('hello')
    // Node takes a reset that comes together with bytes for an end.
    await until(() => received === 5)
    raw.resetAndDestroy()
    assert.equal((await outcome()).outcome, 'peer_reset')
    await until(() => errors.length > 0)
    assert.deepEqual(errors, ['ECONNRESET'])
  })

  it('holds back a fast peer while its target stalls, and loses nothing', async (t) => {
    let resume: () => void = () => undefined
    let received = 0
    const { endpoint, connections } = await backend(t, (socket) => {
      socket.pause()
      socket.on('data', (chunk) => (received += chunk.length))
      resume = () => socket.resume()
      socket.once('end', () => socket.end())
    })
    const { port, outcome, tunnel } = await openTunnel(t, cast, endpoint)
    const client = tlsClient(t, port, cast.client)
    client.end(Buffer.concat([megabytes, megabytes]))
    // The kernel takes bytes for a backend that has not been told of its connection yet.
    await until(() => connections() === 1 && client.bytesWritten > 100_000 && tunnel.stats().bytesFromPeer > 0)
    resume()
    await readAll(client)
    assert.equal((await outcome()).outcome, 'completed')
    assert.equal(received, 2 * megabytes.length)
  })

  it('understands a hello that arrives a byte at a time', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { port } = await openTunnel(t, cast, endpoint, { settings: { keyExchange: ['X25519MLKEM768', 'X25519'] } })
    const relay = await backend(t, (socket) => {
      const upstream = plainClient(t, { host: '127.0.0.1', port, noDelay: true })
      upstream.pipe(socket)
      socket.on('data', (chunk: Buffer) => {
        for (const byte of chunk) upstream.write(Buffer.of(byte))
      })
    })
    assert.equal(relay.endpoint.kind, 'tcp')
    const client = tlsClient(t, 'port' in relay.endpoint ? relay.endpoint.port : 0, cast.client)
    client.write('slow but sure')
    assert.equal((await readSome(client)).toString(), 'slow but sure')
  })
})
