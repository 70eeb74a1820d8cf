import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'

import { Acceptor, dial, tlsClient, tlsServer } from './link.js'
import { Recording } from './recording.js'
import { loopback, TunnelLab } from './tunnel-lab.js'

/** Hands on what comes, a byte at a time, each in a segment of its own as far as the kernel lets it. */
function byteByByte(from: Socket, to: Socket): void {
  let sent = Promise.resolve()
  from.on('data', (chunk: Buffer) => {
    for (const byte of chunk) {
      sent = sent.then(() => new Promise((resolve) => to.write(Buffer.of(byte), () => resolve())))
    }
  })
  from.on('end', () => void sent.then(() => to.end()))
}

/** Between the two programs stands a wire that takes everything apart, both ways. */
async function slowWire(target: number): Promise<Acceptor> {
  return Acceptor.open(undefined, (near) => {
    near.setNoDelay(true)
    const far = dial({ host: '127.0.0.1', port: target })
    byteByByte(near, far)
    byteByByte(far, near)
  })
}

test('hello arriving a byte at a time works (server mode)', async () => {
  await using backend = await Acceptor.open(undefined, (socket) => socket.pipe(socket))
  await using lab = await TunnelLab.open({ mode: 'server', target: backend.endpoint })
  await using wire = await slowWire(lab.port)
  const peer = new Recording(tlsClient(dial({ host: '127.0.0.1', port: wire.port })))
  peer.socket.end('hello')
  await peer.untilEnded()
  assert.equal(peer.text, 'hello')
  assert.equal((await lab.outcome()).outcome, 'completed')
})

test('hello arriving a byte at a time works (client mode)', async () => {
  await using server = await Acceptor.open(undefined, (raw) => {
    const tls = tlsServer(raw)
    tls.pipe(tls)
  })
  await using wire = await slowWire(server.port)
  await using lab = await TunnelLab.open({ mode: 'client', target: loopback(wire.port) })
  const plain = new Recording(dial({ host: '127.0.0.1', port: lab.port }))
  plain.socket.end('hello')
  await plain.untilEnded()
  assert.equal(plain.text, 'hello')
  assert.equal((await lab.outcome()).outcome, 'completed')
})
