import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PeerLab, peerHint, peerId, sendLine, sidecarId, startEcho } from './peer-lab.js'
import { peerMissing, runPeer, startPeer, type PeerLanguage } from './peer-program.js'

/** What a SPIFFE library of another language must be able to do with our Workload API and through our tunnels. */
export function testInteroperates(language: PeerLanguage, library: string): void {
  test(
    `${library}: SVIDs from our Workload API, mutual TLS through our tunnel both ways`,
    { skip: peerMissing(language) },
    async (t) => {
      const lab = await PeerLab.open(t)
      const [address, hint] = [lab.workloadApi, peerHint]
      const inbound = await lab.addTunnel('in', 'server', await startEcho(t))
      const served = await startPeer(t, language, ['serve', address, hint, sidecarId])
      const outbound = await lab.addTunnel('out', 'client', served)

      await t.test('it reaches what is behind our tunnel', async () => {
        const { stdout, stderr } = await runPeer(language, ['dial', address, hint, sidecarId, inbound])
        assert.equal(stdout.trim(), 'ping', stderr)
      })
      await t.test('our tunnel reaches it, and it sees who we are', async () => {
        assert.equal(await sendLine(outbound, 'hello'), `${sidecarId} hello`)
      })
      await t.test('it refuses us when it expects somebody else, whoever dials', async () => {
        const { status } = await runPeer(language, ['dial', address, hint, 'spiffe://lab.test/other', inbound])
        assert.equal(status, 1)
        const strict = await startPeer(t, language, ['serve', address, hint, 'spiffe://lab.test/other'])
        assert.equal(await sendLine(await lab.addTunnel('strict', 'client', strict), 'hello'), '')
      })
      await t.test('it validates a token of ours, and we one at its request', async () => {
        const { stdout, stderr } = await runPeer(language, ['jwt', address, hint, 'billing'])
        assert.equal(stdout.trim(), `${peerId} ${peerId}`, stderr)
      })
      await t.test('both go on through a rotation', async () => {
        await lab.rotated()
        assert.equal(await sendLine(outbound, 'hello again'), `${sidecarId} hello again`)
        const { stdout, stderr } = await runPeer(language, ['dial', address, hint, sidecarId, inbound])
        assert.equal(stdout.trim(), 'ping', stderr)
      })
    },
  )
}
