/** Client mode: a server that must not be trusted gets the right alert and no data, the audit the reason. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { before, test } from 'node:test'

import { closed } from './closed.js'
import { casesOf } from './refused-peers/alerts.js'
import type { AlertCase } from './refused-peers/alerts.js'
import { hostileServer, welcomeServer } from './refused-peers/hostile-servers.js'
import type { HostileServer } from './refused-peers/hostile-servers.js'
import { buildTlsPeer } from './refused-peers/tls-peer.js'
import { TunnelUnderTest } from './refused-peers/tunnel-under-test.js'

before(buildTlsPeer)

function tunnelTo(server: HostileServer): Promise<TunnelUnderTest> {
  return TunnelUnderTest.open('client', { kind: 'tcp', host: '127.0.0.1', port: server.port })
}

/** Sends at once, as a workload does, and waits until the tunnel ends the connection. */
async function callThrough(tunnel: TunnelUnderTest): Promise<string> {
  const socket = connect(tunnel.port, '127.0.0.1')
  let received = ''
  socket.on('data', (data) => (received += data.toString()))
  socket.write('secret')
  await closed(socket)
  return received
}

async function refuses(server: HostileServer, { peer, alert, outcome, reason }: AlertCase): Promise<void> {
  await using tunnel = await tunnelTo(server)
  assert.equal(await callThrough(tunnel), '', 'the workload received something')
  const audited = await tunnel.nextOutcome()
  assert.deepEqual([audited.decision, audited.outcome], ['denied', outcome], audited.reason)
  assert.match(audited.reason, new RegExp(reason))
  assert.match(audited.reason, /^[ -~]{1,400}$/)
  assert.equal(audited.peer, undefined, 'a refused peer has no ID')
  assert.deepEqual([audited.bytesFromPeer, audited.bytesToPeer], [0, 0])
  assert.equal(tunnel.counted(outcome), 1)
  assert.deepEqual(await server.seen, { alert, received: '' }, peer)
}

test('a peer with nothing wrong is reached', async () => {
  await using server = await welcomeServer()
  await using tunnel = await tunnelTo(server)
  const socket = connect(tunnel.port, '127.0.0.1')
  socket.write('hello')
  const [echoed]: Buffer[] = await once(socket, 'data')
  assert.equal(echoed?.toString(), 'hello')
  socket.destroy()
  const { decision, peer } = await tunnel.nextOutcome()
  assert.deepEqual([decision, peer], ['allowed', 'spiffe://example.org/welcome'])
})

for (const [clause, cases] of casesOf('client')) {
  test(clause, async () => {
    for (const entry of cases) {
      await using server = await hostileServer(entry.peer ?? clause)
      await refuses(server, entry)
    }
  })
}
