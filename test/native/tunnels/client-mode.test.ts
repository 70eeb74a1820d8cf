import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { createServer, type Server, type TlsOptions, type TLSSocket } from 'node:tls'

import type { Endpoint } from '../../../native/index.js'
import { FakeCa } from '../../fakes/fake-ca.js'
import { assertHas, folder, makeCast, openTunnel, plainClient, readAll, readSome, until } from './fixture.js'

const cast = makeCast()
const client = { settings: { mode: 'client' } } as const

/** Node as the TLS server on the other side. */
async function tlsServer(
  t: TestContext,
  serve: (socket: TLSSocket) => void,
  options: TlsOptions = {},
): Promise<{ server: Server; endpoint: Endpoint }> {
  const server = createServer(
    {
      cert: cast.server.chainPem,
      key: cast.server.keyPem,
      ca: cast.ca.certificatePem,
      requestCert: true,
      rejectUnauthorized: true,
      allowHalfOpen: true,
      ...options,
    } as TlsOptions,
    (socket) => {
      t.after(() => socket.destroy())
      socket.on('error', () => undefined)
      serve(socket)
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return { server, endpoint: { kind: 'tcp', host: 'localhost', port: address.port } }
}

/** openssl as the server: unlike Node it refuses with an alert. */
async function opensslServer(t: TestContext, clientAuthorityPem: string): Promise<Endpoint> {
  const home = folder(t)
  writeFileSync(join(home, 'cert.pem'), cast.server.chainPem)
  writeFileSync(join(home, 'key.pem'), cast.server.keyPem)
  writeFileSync(join(home, 'ca.pem'), clientAuthorityPem)
  const flags = '-accept 127.0.0.1:0 -cert cert.pem -key key.pem -CAfile ca.pem -Verify 1 -verify_return_error'
  const server = spawn('openssl', ['s_server', ...flags.split(' ')], { cwd: home, stdio: ['pipe', 'pipe', 'ignore'] })
  t.after(() => server.kill())
  let said = ''
  for await (const chunk of server.stdout) {
    said += String(chunk)
    const port = /ACCEPT 127\.0\.0\.1:(\d+)/.exec(said)?.[1]
    if (port !== undefined) return { kind: 'tcp', host: '127.0.0.1', port: Number(port) }
  }
  throw new Error(`openssl s_server ended: ${said}`)
}

const echo = (socket: TLSSocket): void => {
  socket.pipe(socket)
}

describe('a tunnel in client mode', { timeout: 60_000 }, () => {
  it('carries bytes from a plaintext client to a TLS server and back', async (t) => {
    const { endpoint } = await tlsServer(t, echo)
    const { port, outcome } = await openTunnel(t, cast, endpoint, client)
    const plain = plainClient(t, { host: '127.0.0.1', port })
    const sent = Buffer.alloc(5_000_000, 'client')
    plain.end(sent)
    assert.ok((await readAll(plain)).bytes.equals(sent))
    assertHas(await outcome(), {
      outcome: 'completed',
      peer: 'spiffe://example.org/server',
      bytesFromPeer: sent.length,
      bytesToPeer: sent.length,
    })
  })

  it('shows the server its own SVID and sends the server name it is told', async (t) => {
    const seen: unknown[] = []
    const { endpoint } = await tlsServer(t, (socket) => {
      seen.push(socket.getPeerCertificate().subjectaltname, Reflect.get(socket, 'servername'))
      socket.end()
    })
    const { port } = await openTunnel(t, cast, endpoint, { settings: { mode: 'client', serverName: 'cloud.test' } })
    await readAll(plainClient(t, { host: '127.0.0.1', port }))
    assert.deepEqual(seen, ['URI:spiffe://example.org/client', 'cloud.test'])
  })

  it('audits the alert of a server that refuses it as refused_by_peer, and resets the plaintext side', async (t) => {
    const other = FakeCa.create('other.org')
    const endpoint = await opensslServer(t, other.certificatePem)
    const { port, outcome } = await openTunnel(t, cast, endpoint, client)
    const plain = plainClient(t, { host: '127.0.0.1', port })
    assert.equal((await readAll(plain)).error?.code, 'ECONNRESET')
    const refused = await outcome()
    assertHas(refused, { outcome: 'refused_by_peer', decision: 'denied' })
    assert.match(refused.reason, /UnknownCA/)
  })

  it('is pending until the first byte from the peer', async (t) => {
    const { endpoint } = await tlsServer(t, (socket) => {
      socket.once('data', () => socket.write('now'))
    })
    const { port, tunnel } = await openTunnel(t, cast, endpoint, client)
    const plain = plainClient(t, { host: '127.0.0.1', port })
    await until(() => tunnel.connections(1)[0]?.state === 'pending')
    plain.write('ask')
    assert.equal((await readSome(plain)).toString(), 'now')
    assert.equal(tunnel.connections(1)[0]?.state, 'established')
  })

  it('resets the plaintext side when the server is of a trust domain without a bundle', async (t) => {
    const { endpoint } = await tlsServer(t, echo)
    const bundles = FakeCa.create('other.org').bundles
    const { port, outcome } = await openTunnel(t, cast, endpoint, { ...client, bundles })
    const plain = plainClient(t, { host: '127.0.0.1', port })
    assert.equal((await readAll(plain)).error?.code, 'ECONNRESET')
    assertHas(await outcome(), { outcome: 'untrusted', decision: 'denied' })
  })

  it('resets the plaintext side when nobody answers at the target', async (t) => {
    const { server, endpoint } = await tlsServer(t, echo)
    server.close()
    const { port, outcome } = await openTunnel(t, cast, endpoint, client)
    const plain = plainClient(t, { host: '127.0.0.1', port })
    assert.equal((await readAll(plain)).error?.code, 'ECONNRESET')
    assertHas(await outcome(), { outcome: 'target_unreachable', decision: 'denied' })
  })

  it('names a target that cannot be resolved, at each connection', async (t) => {
    const endpoint: Endpoint = { kind: 'tcp', host: 'does-not-exist.invalid', port: 1 }
    const { port, outcome } = await openTunnel(t, cast, endpoint, client)
    await readAll(plainClient(t, { host: '127.0.0.1', port }))
    assert.equal((await outcome()).outcome, 'target_unreachable')
  })

  it('closes both directions of a unix client when the server is truncated', async (t) => {
    const { endpoint } = await tlsServer(t, (socket) => {
      socket.write('first half', () => {
        const raw: unknown = Reflect.get(socket, '_parent')
        assert.ok(typeof raw === 'object' && raw !== null)
        Reflect.apply(Reflect.get(raw, 'end') as () => void, raw, [])
      })
    })
    const path = join(folder(t), 'client.sock')
    const { outcome } = await openTunnel(t, cast, endpoint, { ...client, listen: { kind: 'unix', path } })
    const plain = plainClient(t, { path })
    const { bytes } = await readAll(plain)
    assert.equal(bytes.toString(), 'first half')
    assert.equal((await outcome()).outcome, 'truncated')
  })
})
