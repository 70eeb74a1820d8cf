import assert from 'node:assert/strict'
import { test } from 'node:test'
import { status } from '@grpc/grpc-js'
import { checkHealth, startHealthServer } from './grpc-health.js'
import { testInteroperates } from './interoperates.js'
import { PeerLab, peerHint, sidecarId } from './peer-lab.js'
import { peerMissing, runPeer, startPeer } from './peer-program.js'

testInteroperates('go', 'go-spiffe')

test('gRPC-go: calls with ALPN h2 through our tunnel both ways', { skip: peerMissing('go') }, async (t) => {
  const lab = await PeerLab.open(t)
  const inbound = await lab.addTunnel('in', 'server', await startHealthServer(t), '"h2"')
  const { stdout, stderr } = await runPeer('go', ['grpc-dial', lab.workloadApi, peerHint, sidecarId, inbound])
  assert.equal(stdout.trim(), 'SERVING', stderr)

  const served = await startPeer(t, 'go', ['grpc-serve', lab.workloadApi, peerHint, sidecarId])
  assert.equal(await checkHealth(await lab.addTunnel('out', 'client', served, '"h2"')), 'SERVING')

  // A gRPC-go of this age refuses a connection that did not agree on h2.
  const withoutAlpn = await lab.addTunnel('plain', 'client', served)
  assert.equal(await checkHealth(withoutAlpn), status.UNAVAILABLE)
})
