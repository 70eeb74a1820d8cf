import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SpiffeError, verifyX509Svid, WorkloadApiClient, type X509Context } from '../../../workload-api/index.js'
import { openAuthority, ownUid, temporaryFolder, writeRegistrations } from './authority-fixture.js'

const a = 'spiffe://lab.test/a'
const b = 'spiffe://lab.test/b'

/** A client of the authority's Workload API, closed with its scope. */
function openClient(socket: string) {
  const client = new WorkloadApiClient({ address: `unix:${socket}` })
  return { client, [Symbol.asyncDispose]: () => client.close() }
}

function idsOf(context: X509Context): readonly string[] {
  return context.svids.map((svid) => svid.id)
}

async function nextOf(contexts: AsyncIterator<X509Context, unknown>): Promise<X509Context> {
  const { value, done } = await contexts.next()
  assert.ok(done !== true)
  return value
}

test('a registered user gets all its identities in the order of the file, each verified and with its hint', async () => {
  using folder = temporaryFolder()
  const registrationFile = writeRegistrations(folder.path, [
    { uid: ownUid, ids: [b], hint: 'second letter' },
    { uid: ownUid, ids: [a], hint: 'first letter' },
  ])
  await using lab = await openAuthority(folder.path, { registrationFile })
  await using workload = openClient(lab.config.listen.path)
  const context = await workload.client.fetchX509Context()
  assert.deepEqual(idsOf(context), [b, a])
  assert.deepEqual(
    context.svids.map((svid) => svid.hint),
    ['second letter', 'first letter'],
  )
  for (const svid of context.svids) verifyX509Svid(svid.chain, context.bundles)
})

test('without a registration file its own user is spiffe://TRUST-DOMAIN/uid/UID', async () => {
  using folder = temporaryFolder()
  await using lab = await openAuthority(folder.path)
  await using workload = openClient(lab.config.listen.path)
  assert.deepEqual(idsOf(await workload.client.fetchX509Context()), [`spiffe://lab.test/uid/${ownUid}`])
})

test('a user without an entry is told PermissionDenied', async () => {
  using folder = temporaryFolder()
  const registrationFile = writeRegistrations(folder.path, [{ uid: ownUid + 1, ids: [a] }])
  await using lab = await openAuthority(folder.path, { registrationFile })
  await using workload = openClient(lab.config.listen.path)
  const denied = (error: unknown) => error instanceof SpiffeError && error.code === 'ERR_WORKLOAD_API_PERMISSION_DENIED'
  await assert.rejects(workload.client.fetchX509Context(), denied)
})

test('a new SVID is pushed before the old one ends', async () => {
  using folder = temporaryFolder()
  await using lab = await openAuthority(folder.path, { svidTtlMs: 2000 })
  await using workload = openClient(lab.config.listen.path)
  const stop = new AbortController()
  const contexts = workload.client.watchX509Context({ signal: stop.signal })[Symbol.asyncIterator]()
  const [first] = (await nextOf(contexts)).svids
  const [second] = (await nextOf(contexts)).svids
  stop.abort()
  assert.ok(first && second)
  assert.ok(Date.now() < first.notAfter.getTime())
  assert.notEqual(first.serialNumber, second.serialNumber)
})

test('a change of the registrations is pushed at once', async () => {
  using folder = temporaryFolder()
  const registrationFile = writeRegistrations(folder.path, [{ uid: ownUid, ids: [a] }])
  await using lab = await openAuthority(folder.path, { registrationFile })
  await using workload = openClient(lab.config.listen.path)
  const stop = new AbortController()
  const contexts = workload.client.watchX509Context({ signal: stop.signal })[Symbol.asyncIterator]()
  assert.deepEqual(idsOf(await nextOf(contexts)), [a])
  writeRegistrations(folder.path, [{ uid: ownUid, ids: [a, b] }])
  await lab.authority.reload()
  assert.deepEqual(idsOf(await nextOf(contexts)), [a, b])
  stop.abort()
})

test('the next authority is pushed in the bundle before anything is signed with it', async () => {
  using folder = temporaryFolder()
  // The next authority is made after 2 s and signs after 3.3 s; SVIDs are renewed every second or so.
  await using lab = await openAuthority(folder.path, { svidTtlMs: 2000, caTtlMs: 4000 })
  await using workload = openClient(lab.config.listen.path)
  const stop = new AbortController()
  const contexts = workload.client.watchX509Context({ signal: stop.signal })[Symbol.asyncIterator]()
  let before = await nextOf(contexts)
  const authorities = new Set<string>()
  while (authorities.size < 3) {
    const context = await nextOf(contexts)
    const time = new Date()
    for (const svid of context.svids) verifyX509Svid(svid.chain, before.bundles, { time })
    for (const bundle of context.bundles.values()) {
      for (const der of bundle.x509Authorities) authorities.add(Buffer.from(der).toString('base64'))
    }
    before = context
  }
  stop.abort()
})
