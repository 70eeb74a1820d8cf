import assert from 'node:assert/strict'
import { existsSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { parseSpiffeId, verifyX509Svid } from '../../../../workload-api/index.js'
import { FakeSpireServer } from '../../../fakes/fake-spire-server/fake-spire-server.js'
import { leafOf, openSpireSource, SpireFolder, workloadId } from './spire-identity.js'

/** A server, a folder, a token with an entry below its agent. */
export async function lab(options: { readonly nested?: boolean } = {}) {
  const server = await FakeSpireServer.start(options)
  const folder = new SpireFolder()
  folder.writeBundle(server)
  const token = server.registry.createToken('spiffe://example.org/decoy')
  folder.writeToken(token)
  const agentId = server.registry.tokenAgentId(token)
  const entry = server.registry.createEntry(workloadId, agentId, { hint: 'the one' })
  return {
    server,
    folder,
    agentId,
    entry,
    async [Symbol.asyncDispose]() {
      await server.stop()
      folder[Symbol.dispose]()
    },
  }
}

test('a join token buys an agent, the agent an SVID for a key made in the provider, and the token is then removed', async () => {
  await using parts = await lab()
  const { server, folder } = parts
  await using source = await openSpireSource(server, folder)
  const update = await source.next()
  assert.equal(verifyX509Svid(update.chain, update.bundles).id, parseSpiffeId(workloadId))
  assert.ok(leafOf(update).publicKey.equals(update.signer.publicKey))
  assert.equal(update.hint, 'the one')
  assert.equal(existsSync(folder.tokenFile), false)
  assert.equal(statSync(folder.stateDir).mode & 0o777, 0o700)
  assert.deepEqual(source.events, [])
  assert.deepEqual(
    [...new Set(server.calls)],
    ['GetBundle', 'AttestAgent', 'SyncAuthorizedEntries', 'BatchNewX509SVID'],
  )
})
