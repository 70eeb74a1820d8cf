import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { status } from '@grpc/grpc-js'
import { FakeWorkloadApi } from '../fakes/fake-workload-api.js'
import { RunningSidecar, temporaryFolder } from './running-sidecar.js'

test('`InvalidArgument` of the agent is fatal: the process ends with 1, says what to check, and asked once', async (t) => {
  const folder = temporaryFolder(t)
  await using agent = await FakeWorkloadApi.start(join(folder, 'agent.sock'), { code: status.INVALID_ARGUMENT })
  const sidecar = new RunningSidecar(
    t,
    folder,
    'edge',
    `agent_address = "unix://${agent.path}"
tunnel "in" {
  mode   = "server"
  listen = "unix:${join(folder, 'in.sock')}"
  target = "unix:${join(folder, 'target.sock')}"
  allow { ids = ["spiffe://example.org/client"] }
}
`,
  )
  assert.equal(await sidecar.exited, 1)
  await sidecar.line('what to check', ({ message }) =>
    /refuses the request as invalid: is it a Workload API that listens there\?/.test(message),
  )
  assert.equal(agent.calls.length, 1)
})
