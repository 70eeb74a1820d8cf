import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import { leafOf, openSpireSource, workloadId } from './spire-identity.js'
import { openSpireLab } from './spire-lab.js'

test('the agent renews itself five times, each with a key of its own, and the keys before are destroyed', async () => {
  await using lab = await openSpireLab()
  const { server, folder, agentId } = lab
  server.authority.agentTtlMs = 2500
  await using source = await openSpireSource(server, folder)
  await source.next()
  const serials = new Set([server.registry.agents.get(agentId)?.serial])
  const going = source.goOn()
  for (let renewal = 0; renewal < 5; renewal += 1) {
    await server.called('RenewAgent')
    // The first use of the new one.
    await server.called('SyncAuthorizedEntries')
    serials.add(server.registry.agents.get(agentId)?.serial)
  }
  assert.ok(serials.size >= 5, `${serials.size} serials`)
  assert.deepEqual(source.events, [])
  await server.called('SyncAuthorizedEntries', 2)
  const agentKeys = source.provider
    .listKeys()
    .filter((key) => key.identity.applicationIdentity === 'svidecar/agent/eventbus')
  assert.ok(agentKeys.length <= 2)
  await source[Symbol.asyncDispose]()
  await going
})

test('a new SVID of the agent has a connection of its own, and the old connection is closed', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  server.authority.agentTtlMs = 3000
  await using source = await openSpireSource(server, folder)
  await source.next()
  const going = source.goOn()
  await server.called('RenewAgent')
  await server.called('SyncAuthorizedEntries', 2)
  assert.equal(server.connections, 1)
  await source[Symbol.asyncDispose]()
  await going
})

test('a restart needs no token: chain, key and bundle are on disk', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  const provider = await folder.openKeys()
  const before = await openSpireSource(server, folder, { provider })
  const first = await before.next()
  await before[Symbol.asyncDispose]()
  await provider.close()
  assert.ok(!existsSync(folder.tokenFile))
  const reopened = await folder.openKeys()
  await using source = await openSpireSource(server, folder, { provider: reopened })
  const second = await source.next()
  assert.equal(server.calls.filter((name) => name === 'AttestAgent').length, 1)
  assert.notEqual(leafOf(first).serialNumber, leafOf(second).serialNumber)
  assert.deepEqual(source.events, [])
  await source[Symbol.asyncDispose]()
  await reopened.close()
})

test('a crash between the renewal of the agent and the first use of what it gave costs nothing', async () => {
  await using lab = await openSpireLab()
  const { server, folder, agentId } = lab
  server.authority.agentTtlMs = 2500
  const provider = await folder.openKeys()
  const before = await openSpireSource(server, folder, { provider })
  await before.next()
  const chainBefore = folder.state().agent?.chain[0]
  const going = before.goOn()
  await server.called('RenewAgent')
  // What a killed process leaves: the state as it was written, and a server that never saw the new SVID.
  server.parts.failing.set('GetBundle', server.unavailable)
  while (folder.state().agent?.chain[0] === chainBefore) await turn()
  mkdirSync(folder.join('killed/eventbus'), { recursive: true })
  copyFileSync(folder.join('state/eventbus/agent.json'), folder.join('killed/eventbus/agent.json'))
  await before[Symbol.asyncDispose]()
  await going
  server.parts.failing.clear()
  server.authority.agentTtlMs = 3_600_000
  await using source = await openSpireSource(server, folder, {
    provider,
    config: { stateDir: folder.join('killed/eventbus') },
  })
  await source.next()
  assert.equal(server.registry.agents.get(agentId)?.newSerial, undefined)
  assert.equal(server.calls.filter((name) => name === 'AttestAgent').length, 1)
  assert.deepEqual(source.events, [])
  await provider.close()
})

test('an agent that was evicted: with a join token the operator is told, and a new token heals it', async () => {
  await using lab = await openSpireLab()
  const { server, folder, agentId } = lab
  await using source = await openSpireSource(server, folder)
  await source.next()
  server.registry.agents.delete(agentId)
  const going = source.goOn()
  await source.told(/it was evicted; write the token of "spire-server token generate" to/)
  assert.equal(server.calls.filter((name) => name === 'AttestAgent').length, 1)
  const token = server.registry.createToken()
  server.registry.createEntry(workloadId, server.registry.tokenAgentId(token), { hint: 'of the new agent' })
  folder.writeToken(token)
  const { value } = await going
  assert.equal(value?.hint, 'of the new agent')
})

test('an agent that was banned stops, and says so', async () => {
  await using lab = await openSpireLab()
  const { server, folder, agentId } = lab
  await using source = await openSpireSource(server, folder)
  await source.next()
  const agent = server.registry.agents.get(agentId)
  assert.ok(agent)
  agent.banned = true
  const going = source.goOn()
  await source.told(/the server has banned spiffe:.*nothing more is tried/)
  assert.equal(source.events.at(-1)?.retryInMs, undefined)
  const calls = server.calls.length
  await source[Symbol.asyncDispose]()
  await going
  assert.equal(server.calls.length, calls)
})

test('an SVID of the agent whose time is over is told as what it is: another process uses the same agent', async () => {
  await using lab = await openSpireLab()
  const { server, folder, agentId } = lab
  await using source = await openSpireSource(server, folder)
  await source.next()
  const agent = server.registry.agents.get(agentId)
  assert.ok(agent)
  agent.serial = 'another'
  const going = source.goOn()
  await source.told(/another process uses spiffe:/)
  await source[Symbol.asyncDispose]()
  await going
})

test('two sources of one identity in a process take turns: the newer one works, and the older goes on when it ends', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  const provider = await folder.openKeys()
  await using older = await openSpireSource(server, folder, { provider })
  await older.next()
  const newer = await openSpireSource(server, folder, { provider, config: { pollIntervalMs: 200 } })
  await newer.next()
  assert.equal(server.calls.filter((name) => name === 'AttestAgent').length, 1)
  const going = older.goOn()
  await newer[Symbol.asyncDispose]()
  await server.called('SyncAuthorizedEntries', 2)
  await older[Symbol.asyncDispose]()
  await going
  assert.deepEqual([...older.events, ...newer.events], [])
  await provider.close()
})
