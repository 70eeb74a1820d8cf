import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leafOf, openSpireSource, workloadId } from './spire-identity.js'
import { openSpireLab } from './spire-lab.js'

test('the entry is chosen by its SPIFFE ID, never by position', async () => {
  await using lab = await openSpireLab()
  assert.equal(lab.server.registry.entries[0]?.spiffeId, 'spiffe://example.org/decoy')
  await using source = await openSpireSource(lab.server, lab.folder)
  assert.equal(leafOf(await source.next()).subjectAltName, `URI:${workloadId}`)
})

test('several entries of one ID are listed, and entry_id chooses among them', async () => {
  await using lab = await openSpireLab()
  const { server, folder, agentId, entry } = lab
  const second = server.registry.createEntry(workloadId, agentId, { hint: 'the second' })
  const provider = await folder.openKeys()
  const ambiguous = await openSpireSource(server, folder, { provider })
  const going = ambiguous.goOn()
  await ambiguous.told(/several entries fit: set entry_id/)
  assert.match(ambiguous.events[0]?.error.message ?? '', new RegExp(`${entry.id}.*${second.id}`))
  await ambiguous[Symbol.asyncDispose]()
  await going
  await using source = await openSpireSource(server, folder, { provider, config: { entryId: second.id } })
  assert.equal((await source.next()).hint, 'the second')
  await provider.close()
})

test('an entry_id of another workload is refused', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  const decoy = server.registry.entries[0]
  await using source = await openSpireSource(server, folder, { config: { entryId: decoy?.id } })
  const going = source.goOn()
  await source.told(/names the entry of another workload/)
  await source[Symbol.asyncDispose]()
  await going
})

test('a missing entry is waited for with the command that makes it, and used when it is there', async () => {
  await using lab = await openSpireLab()
  const { server, folder, agentId, entry } = lab
  server.registry.deleteEntry(entry)
  await using source = await openSpireSource(server, folder)
  const going = source.goOn()
  await source.told(new RegExp(`entry create -parentID ${agentId} -spiffeID ${workloadId}`))
  server.registry.createEntry(workloadId, agentId)
  assert.ok((await going).value)
})

test('a list longer than a page comes as revisions, and what did not change is not asked for again', async () => {
  await using lab = await openSpireLab()
  const { server, folder, agentId } = lab
  server.parts.pageSize = 3
  for (let number = 0; number < 8; number += 1)
    server.registry.createEntry(`spiffe://example.org/other/${number}`, agentId)
  await using source = await openSpireSource(server, folder)
  await source.next()
  const going = source.goOn()
  await server.called('SyncAuthorizedEntries', 2)
  assert.deepEqual(
    server.calls.filter((name) => name.startsWith('entries:')),
    ['entries:10'],
  )
  await source[Symbol.asyncDispose]()
  await going
})

test('a server without the form by revisions is asked for the plain list', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  server.parts.failing.set('SyncAuthorizedEntries', server.unimplemented)
  await using source = await openSpireSource(server, folder)
  await source.next()
  assert.ok(server.calls.includes('GetAuthorizedEntries'))
})

test('an entry that changed has its SVID issued anew at once', async () => {
  await using lab = await openSpireLab()
  const { server, folder, entry } = lab
  await using source = await openSpireSource(server, folder)
  const first = await source.next()
  entry.revision += 1
  entry.hint = 'changed'
  const second = await source.next()
  assert.equal(second.hint, 'changed')
  assert.notEqual(leafOf(first).serialNumber, leafOf(second).serialNumber)
})

test('an entry that was removed is told, and its SVID is not renewed', async () => {
  await using lab = await openSpireLab()
  const { server, folder, entry } = lab
  server.authority.svidTtlMs = 2000
  await using source = await openSpireSource(server, folder)
  await source.next()
  const issued = server.calls.filter((name) => name === 'BatchNewX509SVID').length
  server.registry.deleteEntry(entry)
  const going = source.goOn()
  await source.told(/no entry yet/)
  await server.called('SyncAuthorizedEntries', 8)
  assert.equal(server.calls.filter((name) => name === 'BatchNewX509SVID').length, issued)
  await source[Symbol.asyncDispose]()
  await going
})

test('the status of each item counts, though the call succeeds', async () => {
  await using lab = await openSpireLab()
  const { server, folder } = lab
  server.parts.refusedItems = true
  await using source = await openSpireSource(server, folder)
  const going = source.goOn()
  await source.told(/the server does not issue the SVID/)
  assert.match(source.events[0]?.error.message ?? '', /code 5.*entry not found or not authorized/)
  server.parts.refusedItems = false
  assert.ok((await going).value)
})
