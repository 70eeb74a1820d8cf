/** The default hello, with its post-quantum key share, does not fit one segment; a network may cut it anywhere. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { before, test } from 'node:test'

import { welcome } from './refused-peers/bad-certificates.js'
import { buildTlsPeer, TlsPeer } from './refused-peers/tls-peer.js'
import { TunnelUnderTest } from './refused-peers/tunnel-under-test.js'

before(buildTlsPeer)

for (const [name, segment] of [
  ['hello arriving a byte at a time works', 1],
  ['hello arriving in pieces that end within a record header works', 3],
] as const) {
  test(name, async (t) => {
    const backend = createServer((socket) => socket.pipe(socket).on('error', () => undefined))
    t.after(() => backend.close())
    backend.listen(0, '127.0.0.1')
    await once(backend, 'listening')
    const { port } = backend.address() as AddressInfo
    await using tunnel = await TunnelUnderTest.open('server', { kind: 'tcp', host: '127.0.0.1', port })
    using peer = new TlsPeer('client', `127.0.0.1:${tunnel.port}`, welcome.chainPem, welcome.keyPem, segment)
    assert.deepEqual(await peer.report(), { received: 'hello from the peer' })
  })
}
