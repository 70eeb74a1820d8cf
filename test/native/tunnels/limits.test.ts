import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { sign } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

import { BundleSet, Identity } from '../../../native/index.js'
import {
  assertHas,
  backend,
  echo,
  makeCast,
  openTunnel,
  plainClient,
  readAll,
  readSome,
  tlsClient,
  until,
} from './fixture.js'
import { captureHello } from './hello.js'

const cast = makeCast()
const silentClients = 2000

describe('the limits of a tunnel', { timeout: 120_000 }, () => {
  it('drop the oldest unfinished handshake for a new one', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { port, tunnel, outcome } = await openTunnel(t, cast, endpoint, { settings: { maxHandshakes: 2 } })
    const silent = [0, 1].map(() => plainClient(t, { host: '127.0.0.1', port }))
    await until(() => tunnel.stats().handshaking === 2)
    const client = tlsClient(t, port, cast.client)
    client.write('let me in')
    assert.equal((await readSome(client)).toString(), 'let me in')
    assertHas(await outcome(), { outcome: 'limit', decision: 'denied' })
    assert.equal(silent.length, 2)
  })

  it('serve a good client in time while 2,000 clients say nothing', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { port, tunnel } = await openTunnel(t, cast, endpoint)
    const silent = Array.from({ length: silentClients }, () => plainClient(t, { host: '127.0.0.1', port }))
    await until(() => tunnel.stats().accepted === silentClients)
    const client = tlsClient(t, port, cast.client)
    client.write('let me in')
    assert.equal((await readSome(client)).toString(), 'let me in')
    for (const socket of silent) socket.destroy()
  })

  it('serve a good client in time while 2,000 clients stop after their hello', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { port, tunnel } = await openTunnel(t, cast, endpoint, {
      key: {
        schemes: ['ecdsa_secp256r1_sha256'],
        sign: async (_, message) => sign('sha256', message, cast.server.key),
      },
    })
    const hello = await captureHello(t)
    const stopped = Array.from({ length: silentClients }, () => {
      const socket = plainClient(t, { host: '127.0.0.1', port })
      socket.write(hello)
      return socket
    })
    await until(() => tunnel.stats().accepted === silentClients)
    const client = tlsClient(t, port, cast.client)
    client.write('let me in')
    assert.equal((await readSome(client)).toString(), 'let me in')
    for (const socket of stopped) socket.destroy()
  })

  it('refuse a connection above max_connections, and admit again when one has ended', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { port, tunnel, outcome } = await openTunnel(t, cast, endpoint, { settings: { maxConnections: 1 } })
    const first = tlsClient(t, port, cast.client)
    first.write('one')
    await readSome(first)
    await readAll(tlsClient(t, port, cast.client))
    assertHas(await outcome(), { outcome: 'limit', decision: 'denied' })
    first.end()
    await until(() => tunnel.stats().active === 0)
    const next = tlsClient(t, port, cast.client)
    next.write('two')
    assert.equal((await readSome(next)).toString(), 'two')
  })

  it('end a handshake that takes too long', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { port, outcome } = await openTunnel(t, cast, endpoint, { settings: { handshakeTimeoutMs: 100 } })
    await readAll(plainClient(t, { host: '127.0.0.1', port }))
    assertHas(await outcome(), { outcome: 'handshake_timeout', decision: 'denied' })
  })

  it('end a connection that is idle', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { port, outcome } = await openTunnel(t, cast, endpoint, { settings: { idleTimeoutMs: 200 } })
    const client = tlsClient(t, port, cast.client)
    client.write('x')
    assert.equal((await readAll(client)).error?.code, 'ECONNRESET')
    assertHas(await outcome(), { outcome: 'idle_timeout', decision: 'allowed' })
  })

  it('end a busy connection at its longest lifetime', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { port, outcome } = await openTunnel(t, cast, endpoint, { settings: { maxConnectionLifetimeMs: 300 } })
    const client = tlsClient(t, port, cast.client)
    client.on('data', () => client.write('more'))
    client.write('begin')
    await readAll(client)
    assert.equal((await outcome()).outcome, 'lifetime')
  })

  it('count the closing time from the last byte after the first half was closed', async (t) => {
    let bytes = 0
    const { endpoint } = await backend(t, (socket) => {
      socket.resume()
      socket.once('end', () => {
        const timer = setInterval(() => {
          bytes += 1
          socket.write('x')
          if (bytes === 8) clearInterval(timer)
        }, 100)
      })
    })
    const { port, outcome } = await openTunnel(t, cast, endpoint, { settings: { closeTimeoutMs: 400 } })
    const client = tlsClient(t, port, cast.client)
    client.end('x')
    const received = await readAll(client)
    assert.equal(received.bytes.length, 8)
    assert.equal((await outcome()).outcome, 'close_timeout')
  })

  it('close a connection whose SVID expires only where that is asked for', async (t) => {
    const { endpoint } = await backend(t, echo)
    const own = cast.ca.issue('/client', { notAfter: new Date(Date.now() + 1500) })
    const keeps = await openTunnel(t, cast, endpoint, { settings: { idleTimeoutMs: 60_000 } })
    const closes = await openTunnel(t, cast, endpoint, { settings: { idleTimeoutMs: 2000, closeOnExpiry: true } })
    const [kept, closed] = [tlsClient(t, keeps.port, own), tlsClient(t, closes.port, own)]
    const beat = setInterval(() => [kept, closed].forEach((client) => client.write('x')), 100)
    t.after(() => clearInterval(beat))
    assert.equal((await closes.outcome()).outcome, 'svid_expired')
    assert.equal((await readSome(kept)).toString().startsWith('x'), true)
  })
})

describe('a tunnel without a valid SVID or bundle', { timeout: 60_000 }, () => {
  it('keeps its port, closes what connects at once, and recovers with a new SVID', async (t) => {
    const { endpoint, connections } = await backend(t, echo)
    const notAfter = new Date(Date.now() + 2000)
    const own = cast.ca.issue('/server', { notAfter })
    const opened = await openTunnel(t, cast, endpoint, { chain: own.chain, key: { pkcs8: own.pkcs8 } })
    const held = tlsClient(t, opened.port, cast.client)
    held.write('x')
    await readSome(held)
    await until(() => Date.now() > notAfter.getTime() + 1000)
    await readAll(tlsClient(t, opened.port, cast.client))
    assertHas(await opened.outcome(), { outcome: 'no_valid_svid', decision: 'denied' })
    assert.equal(connections(), 1)
    held.write('y')
    assert.equal((await readSome(held)).toString(), 'y')
    const fresh = cast.ca.issue('/server')
    opened.tunnel.update({ identity: await Identity.create(fresh.chain, { pkcs8: fresh.pkcs8 }) })
    const client = tlsClient(t, opened.port, cast.client)
    client.write('z')
    assert.equal((await readSome(client)).toString(), 'z')
  })

  it('closes what connects at once while it holds no bundle', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { port, tunnel, outcome } = await openTunnel(t, cast, endpoint, { bundles: new Map() })
    await readAll(tlsClient(t, port, cast.client))
    assert.equal((await outcome()).outcome, 'no_valid_svid')
    tunnel.update({ bundles: BundleSet.create(cast.ca.bundles) })
    const client = tlsClient(t, port, cast.client)
    client.write('x')
    assert.equal((await readSome(client)).toString(), 'x')
  })
})

describe('a process without descriptors', { timeout: 60_000 }, () => {
  it('pauses accepting, and recovers', async () => {
    const program = join(fileURLToPath(import.meta.url), '..', 'programs', 'descriptors.js')
    const child = spawn('/bin/sh', ['-c', 'ulimit -n 120 && exec "$0" "$1"', process.execPath, program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    child.stdout.on('data', (chunk) => (said += String(chunk)))
    const [code] = (await once(child, 'close')) as [number]
    assert.equal(code, 0, said)
    assert.match(said, /paused\nserved\n/)
  })
})
