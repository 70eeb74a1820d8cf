import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { status } from '@grpc/grpc-js'
import { parseTrustDomain, verifyX509Svid, X509Bundle } from '../../../workload-api/index.js'
import { ConfigError } from '../../../sidecar/config/index.js'
import { AuthorityClient, grpcStatusOf } from '../../../sidecar/identity/authority-client.js'
import {
  newRequest,
  openAuthority,
  ownUid,
  temporaryFolder,
  trustDomain,
  writeRegistrations,
} from './authority-fixture.js'

const id = 'spiffe://lab.test/a'
const never = () => new AbortController().signal

/** Asks once, over a connection of its own. */
async function signX509Svid(socket: string, spiffeId: string, csr?: Uint8Array) {
  const client = new AuthorityClient(`unix://${socket}`, { deadlineMs: 10_000 })
  try {
    return await client.signX509Svid({ spiffeId, csr: csr ?? (await newRequest(spiffeId)) }, never())
  } finally {
    client.close()
  }
}

async function assertAnswers(code: status, call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.equal(grpcStatusOf(error), code, String(error))
    return true
  })
}

test('a registered user gets an SVID that verifies with the bundle beside it, and the hint of its entry', async () => {
  using folder = temporaryFolder()
  const registrationFile = writeRegistrations(folder.path, [{ uid: ownUid, ids: [id], hint: 'the one' }])
  await using lab = await openAuthority(folder.path, { registrationFile })
  const { chain, bundles, hint } = await signX509Svid(lab.config.listen.path, id)
  const bundle = X509Bundle.parse(trustDomain, Buffer.concat(bundles['lab.test']?.x509Authorities ?? []))
  assert.equal(verifyX509Svid(chain, new Map([[trustDomain, bundle]])).id, id)
  assert.equal(hint, 'the one')
  assert.equal(lab.authority.status().issued, 1)
})

test('the ID comes from the registration: a request that names another one is signed for the registered ID only', async () => {
  using folder = temporaryFolder()
  const registrationFile = writeRegistrations(folder.path, [{ uid: ownUid, ids: [id] }])
  await using lab = await openAuthority(folder.path, { registrationFile })
  const csr = await newRequest('spiffe://lab.test/admin')
  const { chain, bundles } = await signX509Svid(lab.config.listen.path, id, csr)
  const bundle = X509Bundle.parse(trustDomain, Buffer.concat(bundles['lab.test']?.x509Authorities ?? []))
  assert.equal(verifyX509Svid(chain, new Map([[trustDomain, bundle]])).id, id)
})

test('an ID the user is not registered for is denied, whoever else is registered for it', async () => {
  using folder = temporaryFolder()
  const registrationFile = writeRegistrations(folder.path, [
    { uid: ownUid, ids: [id] },
    { uid: ownUid + 1, ids: ['spiffe://lab.test/b'] },
  ])
  await using lab = await openAuthority(folder.path, { registrationFile })
  for (const denied of ['spiffe://lab.test/b', 'spiffe://lab.test/c', 'spiffe://lab.test', 'spiffe://other.test/a']) {
    await assertAnswers(status.PERMISSION_DENIED, signX509Svid(lab.config.listen.path, denied, await newRequest(id)))
  }
  assert.equal(lab.authority.status().issued, 0)
})

test('another user is told apart by its uid and gets what is registered for it, nothing else', async (context) => {
  if (!mayBecomeOthers(context)) return
  using folder = temporaryFolder()
  const registrationFile = writeRegistrations(folder.path, [
    { uid: ownUid, ids: [id] },
    { uid: 65_534, ids: ['spiffe://lab.test/nobody'] },
  ])
  const unixListen = { mode: 0o666, owner: undefined, group: undefined, allowUids: undefined }
  await using lab = await openAuthority(folder.path, { registrationFile, unixListen })
  const socket = lab.config.listen.path
  assert.equal(await foreignCall(socket, 65_534, 'spiffe://lab.test/nobody'), 'OK')
  assert.equal(await foreignCall(socket, 65_534, id), 'PERMISSION_DENIED')
  assert.equal(await foreignCall(socket, 65_533, 'spiffe://lab.test/nobody'), 'PERMISSION_DENIED')
})

test('without a registration file its own user gets any ID of the trust domain and nobody else anything', async (context) => {
  using folder = temporaryFolder()
  const unixListen = { mode: 0o666, owner: undefined, group: undefined, allowUids: undefined }
  await using lab = await openAuthority(folder.path, { unixListen })
  const socket = lab.config.listen.path
  await signX509Svid(socket, 'spiffe://lab.test/any/thing')
  for (const denied of ['spiffe://lab.test', 'spiffe://other.test/a', 'spiffe://sub.lab.test/a']) {
    await assertAnswers(status.PERMISSION_DENIED, signX509Svid(socket, denied, await newRequest(id)))
  }
  if (!mayBecomeOthers(context)) return
  assert.equal(await foreignCall(socket, 65_534, 'spiffe://lab.test/any'), 'PERMISSION_DENIED')
})

test('a uid that is not in allow_uids is cut off before anything is read', async (context) => {
  if (!mayBecomeOthers(context)) return
  using folder = temporaryFolder()
  const registrationFile = writeRegistrations(folder.path, [{ uid: 65_534, ids: [id] }])
  const unixListen = { mode: 0o666, owner: undefined, group: undefined, allowUids: [ownUid] }
  await using lab = await openAuthority(folder.path, { registrationFile, unixListen })
  assert.equal(await foreignCall(lab.config.listen.path, 65_534, id), 'UNAVAILABLE')
})

test('hostile requests are refused as invalid: garbage, none, too long, another signature, another kind of key', async () => {
  using folder = temporaryFolder()
  await using lab = await openAuthority(folder.path)
  const good = await newRequest(id)
  const forged = Uint8Array.from(good)
  forged[forged.length - 5]! ^= 1
  const hostile = [Buffer.alloc(0), Buffer.from('garbage'), Buffer.alloc(9000, 0x30), forged, good.subarray(0, -1)]
  for (const csr of hostile) {
    await assertAnswers(status.INVALID_ARGUMENT, signX509Svid(lab.config.listen.path, id, csr))
  }
  await assertAnswers(status.RESOURCE_EXHAUSTED, signX509Svid(lab.config.listen.path, id, Buffer.alloc(100_000)))
  for (const bad of [
    '',
    'lab.test/a',
    'spiffe://lab.test/',
    'spiffe://LAB.test/a',
    `spiffe://lab.test/${'a'.repeat(2048)}`,
  ]) {
    await assertAnswers(status.INVALID_ARGUMENT, signX509Svid(lab.config.listen.path, bad, good))
  }
  await signX509Svid(lab.config.listen.path, id)
})

test('bytes that are no HTTP/2 end that connection and nothing else', async () => {
  using folder = temporaryFolder()
  await using lab = await openAuthority(folder.path)
  const socket = connect(lab.config.listen.path)
  socket.on('error', () => undefined)
  socket.write('GET / HTTP/1.1\r\n\r\n'.repeat(1000))
  socket.resume()
  await once(socket, 'close')
  await signX509Svid(lab.config.listen.path, id)
})

test('connections beyond 128 of one user are closed, and once one is free the next is served', async () => {
  using folder = temporaryFolder()
  await using lab = await openAuthority(folder.path)
  const idle = await Promise.all(
    Array.from({ length: 128 }, async () => {
      const socket = connect(lab.config.listen.path)
      socket.on('error', () => undefined)
      await once(socket, 'connect')
      return socket
    }),
  )
  await assertAnswers(status.UNAVAILABLE, signX509Svid(lab.config.listen.path, id))
  for (const socket of idle) socket.destroy()
  await eventually(() => signX509Svid(lab.config.listen.path, id))
})

test('a reload gives a new registration at once; a faulty file changes nothing and says where it is wrong', async () => {
  using folder = temporaryFolder()
  const registrationFile = writeRegistrations(folder.path, [{ uid: ownUid, ids: [id] }])
  await using lab = await openAuthority(folder.path, { registrationFile })
  const other = 'spiffe://lab.test/other'
  await assertAnswers(status.PERMISSION_DENIED, signX509Svid(lab.config.listen.path, other))
  writeFileSync(registrationFile, 'entry { uid = 1 ')
  await assert.rejects(lab.authority.reload(), ConfigError)
  await signX509Svid(lab.config.listen.path, id)
  writeRegistrations(folder.path, [{ uid: ownUid, ids: [other] }])
  await lab.authority.reload()
  await signX509Svid(lab.config.listen.path, other)
  await assertAnswers(status.PERMISSION_DENIED, signX509Svid(lab.config.listen.path, id))
})

test('the socket has mode 0600 unless told otherwise, goes with the authority, and is not taken from a living one', async () => {
  using folder = temporaryFolder()
  const first = await openAuthority(folder.path)
  assert.equal(statSync(first.config.listen.path).mode & 0o777, 0o600)
  await assert.rejects(openAuthority(folder.path), { code: 'ERR_SOCKET_IN_USE' })
  await signX509Svid(first.config.listen.path, id)
  await first.close()
  assert.equal(statSync(first.config.listen.path, { throwIfNoEntry: false }), undefined)
})

test('the socket belongs to the owner and group it was told', async (context) => {
  if (!mayBecomeOthers(context)) return
  using folder = temporaryFolder()
  const unixListen = { mode: 0o660, owner: 65_534, group: 65_533, allowUids: undefined }
  await using lab = await openAuthority(folder.path, { unixListen })
  const { mode, uid, gid } = statSync(lab.config.listen.path)
  assert.deepEqual([mode & 0o777, uid, gid], [0o660, 65_534, 65_533])
})

test('a faulty registration file, or an unusable socket, opens nothing and leaves no key', async () => {
  using folder = temporaryFolder()
  const registrationFile = join(folder.path, 'entries.hcl')
  writeFileSync(registrationFile, 'entry { uid = 0 spiffe_ids = ["spiffe://other.test/a"] }')
  await assert.rejects(openAuthority(folder.path, { registrationFile }), ConfigError)
  const nowhere = { listen: { kind: 'unix', path: join(folder.path, 'absent', 'a.sock') } } as const
  await assert.rejects(openAuthority(folder.path, nowhere), { code: 'ERR_SOCKET_DIRECTORY' })
})

test('its status names the trust domain, the socket and every authority with its end', async () => {
  using folder = temporaryFolder()
  await using lab = await openAuthority(folder.path)
  const { authorities, ...rest } = lab.authority.status()
  assert.deepEqual(rest, {
    name: 'lab',
    trustDomain: parseTrustDomain('lab.test'),
    listen: lab.authority.address,
    issued: 0,
  })
  assert.equal(authorities.length, 1)
  assert.match(authorities[0]?.serialNumber ?? '', /^[0-9a-f]{32}$/u)
})

test('refusals are logged with uid and reason, and a flood of them only counted', async () => {
  using folder = temporaryFolder()
  const registrationFile = writeRegistrations(folder.path, [{ uid: ownUid, ids: [id] }])
  await using lab = await openAuthority(folder.path, { registrationFile })
  const csr = await newRequest(id)
  const client = new AuthorityClient(`unix://${lab.config.listen.path}`, { deadlineMs: 10_000 })
  const calls = Array.from({ length: 50 }, () =>
    client.signX509Svid({ spiffeId: 'spiffe://lab.test/no', csr }, never()),
  )
  await Promise.allSettled(calls)
  client.close()
  const lines = lab.log.lines.filter((line) => line.message === 'an SVID was refused')
  assert.ok(lines.length >= 10 && lines.length < 50, String(lines.length))
  assert.equal(lines[0]?.['uid'], ownUid)
  assert.match(String(lines[0]?.['error']), /is not registered for/u)
})

function mayBecomeOthers(context: TestContext): boolean {
  if (ownUid === 0) return true
  context.skip('needs root to call as another user')
  return false
}

async function foreignCall(socket: string, uid: number, spiffeId: string): Promise<string> {
  const script = fileURLToPath(new URL('./foreign-caller.js', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [script, socket, String(uid), spiffeId])
  return stdout
}

/** For what becomes true a moment after its cause: asks again until it holds; the test's own limit ends it. */
async function eventually(attempt: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await attempt()
      return
    } catch (error) {
      if (tries >= 200) throw error
    }
  }
}
