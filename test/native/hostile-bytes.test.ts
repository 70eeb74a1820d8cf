/**
 * Bytes no TLS program sends: real handshakes, changed at random and the same in every run. Whatever comes, the
 * connection is denied, nothing is passed on, nothing panics, and the next good peer is served.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'

import { closed } from './closed.js'
import { welcome } from './refused-peers/bad-certificates.js'
import { welcomeClient } from './refused-peers/hostile-clients.js'
import { welcomeServer } from './refused-peers/hostile-servers.js'
import { TunnelUnderTest } from './refused-peers/tunnel-under-test.js'

const rounds = 150

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** What each side of one good connection between programs that are not ours put on the wire. */
async function recordHandshake(): Promise<{ fromClient: Buffer; fromServer: Buffer }> {
  await using target = await welcomeServer()
  const [fromClient, fromServer]: [Buffer[], Buffer[]] = [[], []]
  const relay = createServer((client) => {
    const server = connect(target.port, '127.0.0.1')
    client.on('data', (bytes) => fromClient.push(bytes)).pipe(server)
    server.on('data', (bytes) => fromServer.push(bytes)).pipe(client)
  })
  const socket = connectTls({ host: '127.0.0.1', port: await listening(relay), rejectUnauthorized: false })
  socket.write('hello')
  await once(socket, 'data')
  socket.destroy()
  relay.close()
  return { fromClient: Buffer.concat(fromClient), fromServer: Buffer.concat(fromServer) }
}

/** Changes that keep most of the bytes, so that a reader gets some way before it stumbles. */
function* changed(bytes: Buffer, seed: string): Generator<Buffer> {
  for (let round = 0; round < rounds; round += 1) {
    const random = createHash('sha512').update(`${seed} ${round}`).digest()
    const offset = random.readUInt16BE(0) % bytes.length
    const removed = random.readUInt8(2) % 8
    const inserted = random.subarray(8, 8 + (random.readUInt8(3) % 8))
    const text = Buffer.concat([bytes.subarray(0, offset), inserted, bytes.subarray(offset + removed)])
    // Lengths lie at the beginning of records and messages; every third change is one of them.
    if (round % 3 === 0) text.writeUInt16BE(random.readUInt16BE(4), round % 2 === 0 ? 3 : 7)
    yield round % 5 === 0 ? text.subarray(0, offset) : text
  }
}

/** Sends, says no more, and waits until the other side has closed. */
async function sendAndEnd(socket: Socket, bytes: Uint8Array): Promise<void> {
  socket.resume()
  socket.end(bytes)
  await closed(socket)
}

const recorded = recordHandshake()

test('a client’s hello changed at random is denied, and the next client is served', async (t) => {
  let connections = 0
  const backend = createServer((socket) => {
    connections += 1
    socket.pipe(socket).on('error', () => undefined)
  })
  t.after(() => backend.close())
  const port = await listening(backend)
  await using tunnel = await TunnelUnderTest.open('server', { kind: 'tcp', host: '127.0.0.1', port })
  const { fromClient } = await recorded
  for (const bytes of changed(fromClient, 'client')) {
    await sendAndEnd(connect(tunnel.port, '127.0.0.1'), bytes)
    const { decision, outcome, reason } = await tunnel.nextOutcome()
    assert.equal(decision, 'denied')
    assert.notEqual(outcome, 'panicked')
    assert.match(reason, /^[ -~]{1,400}$/)
  }
  assert.equal(connections, 0)
  assert.equal(await welcomeClient(tunnel.port), 'hello')
})

test('a server’s answer changed at random is denied, and the workload receives nothing', async (t) => {
  const { fromServer } = await recorded
  const answers = changed(fromServer, 'server')
  const server = createServer((socket) => {
    const answer = answers.next().value ?? Buffer.alloc(0)
    socket.once('data', () => void sendAndEnd(socket, answer))
    socket.on('error', () => undefined)
  })
  t.after(() => server.close())
  const port = await listening(server)
  await using tunnel = await TunnelUnderTest.open('client', { kind: 'tcp', host: '127.0.0.1', port })
  for (let round = 0; round < rounds; round += 1) {
    const workload = connect(tunnel.port, '127.0.0.1')
    let received = 0
    workload.on('data', (bytes) => (received += bytes.length))
    workload.write('secret')
    await closed(workload)
    const { decision, outcome, reason } = await tunnel.nextOutcome()
    assert.equal(decision, 'denied')
    assert.notEqual(outcome, 'panicked')
    assert.match(reason, /^[ -~]{1,400}$/)
    assert.equal(received, 0)
  }
})

test('the recorded handshake is a real one', async () => {
  const { fromClient, fromServer } = await recorded
  assert.ok(fromClient.length > 200 && fromServer.length > welcome.certificate.length)
})
