/** Server mode: a client that must not pass gets the right alert, the backend gets nothing, the audit the reason. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'

import { casesOf } from './refused-peers/alerts.js'
import { hostileClient, welcomeClient } from './refused-peers/hostile-clients.js'
import { buildTlsPeer } from './refused-peers/tls-peer.js'
import { TunnelUnderTest } from './refused-peers/tunnel-under-test.js'

let backendConnections = 0
const backend = createServer((socket) => {
  backendConnections += 1
  socket.pipe(socket).on('error', () => undefined)
})
let tunnel: TunnelUnderTest

before(async () => {
  buildTlsPeer()
  backend.listen(0, '127.0.0.1')
  await once(backend, 'listening')
  const { port } = backend.address() as AddressInfo
  tunnel = await TunnelUnderTest.open('server', { kind: 'tcp', host: '127.0.0.1', port })
})

after(async () => {
  await tunnel[Symbol.asyncDispose]()
  backend.close()
})

test('a peer with nothing wrong reaches the backend', async () => {
  assert.equal(await welcomeClient(tunnel.port), 'hello')
  const { decision, peer } = await tunnel.nextOutcome()
  assert.deepEqual([decision, peer], ['allowed', 'spiffe://example.org/welcome'])
  assert.equal(backendConnections, 1)
})

for (const [clause, cases] of casesOf('server')) {
  test(clause, async () => {
    for (const { peer, alert, outcome, reason } of cases) {
      const [counted, connections] = [tunnel.counted(outcome), backendConnections]
      const seen = await hostileClient(peer ?? clause)(tunnel.port)
      const audited = await tunnel.nextOutcome()
      assert.equal(seen, alert, peer)
      assert.deepEqual([audited.decision, audited.outcome], ['denied', outcome], audited.reason)
      assert.match(audited.reason, new RegExp(reason))
      assert.match(audited.reason, /^[ -~]{1,400}$/)
      assert.equal(audited.peer, undefined, 'a refused peer has no ID')
      assert.deepEqual([audited.bytesFromPeer, audited.bytesToPeer], [0, 0])
      assert.equal(tunnel.counted(outcome), counted + 1)
      assert.equal(backendConnections, connections, 'the backend saw a connection')
    }
  })
}
