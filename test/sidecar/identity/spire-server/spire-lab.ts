import { FakeSpireServer, type FakeSpireServerOptions } from '../../../fakes/fake-spire-server/fake-spire-server.js'
import { SpireFolder, workloadId } from './spire-identity.js'

/** A server, a folder with its bundle, and a token for an agent with two entries: a decoy first, then the workload's. */
export async function openSpireLab(options: FakeSpireServerOptions = {}) {
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
