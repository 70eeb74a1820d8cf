import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openEncryptedProvider, openMemoryProvider, type Provider } from '../../../parsec-core/index.js'
import { parseSpiffeId, parseTrustDomain, verifyX509Svid } from '../../../workload-api/index.js'
import { AuthorityError } from '../../../sidecar/authority/index.js'
import { openRootStore } from '../../../sidecar/authority/root-store.js'
import { newSigner, only, openCertificateAuthority, temporaryFolder, trustDomain } from './authority-fixture.js'

const id = parseSpiffeId('spiffe://lab.test/a')
const start = new Date('2030-01-01T00:00:00Z')
const later = new Date('2030-01-01T00:01:00Z')

function encryptedProvider(folder: string): Promise<Provider> {
  const storeKeyFile = join(folder, 'store.key')
  try {
    statSync(storeKeyFile)
  } catch {
    writeFileSync(storeKeyFile, randomBytes(32), { mode: 0o600 })
  }
  return openEncryptedProvider('keys', { directory: join(folder, 'keys'), storeKeyFile })
}

async function openStored(folder: string, provider: Provider, now: Date) {
  const store = await openRootStore(join(folder, 'data'), trustDomain)
  return openCertificateAuthority(provider, now, { store })
}

test('an authority with a data directory is the same after a restart, and its SVIDs stay good', async () => {
  using folder = temporaryFolder()
  const first = await encryptedProvider(folder.path)
  const before = await openStored(folder.path, first, start)
  const svid = await before.authority.issue({ id, publicKey: (await newSigner()).publicKey }, start)
  await before.authority.close()
  await first.close()
  const second = await encryptedProvider(folder.path)
  const { authority, troubles } = await openStored(folder.path, second, later)
  assert.ok(authority.bundle.equals(before.authority.bundle))
  verifyX509Svid(svid.chain, new Map([[trustDomain, authority.bundle]]), { time: start })
  const next = await authority.issue({ id, publicKey: (await newSigner()).publicKey }, later)
  verifyX509Svid(next.chain, new Map([[trustDomain, before.authority.bundle]]), { time: later })
  assert.deepEqual(troubles, [])
  await second.close()
})

test('without its key an authority is said to be lost, stays in the bundle, and a new one signs', async () => {
  using folder = temporaryFolder()
  const first = await openStored(folder.path, await openMemoryProvider('gone with the process'), start)
  const old = only(first.authority.bundle.x509Authorities)
  await first.authority.close()
  const { authority, troubles } = await openStored(folder.path, await openMemoryProvider('a new one'), later)
  assert.deepEqual(troubles, ['the provider no longer has the key of an authority: a new authority takes its place'])
  assert.equal(authority.bundle.x509Authorities.length, 2)
  assert.ok(authority.bundle.x509Authorities.some((der) => Buffer.from(der).equals(old)))
  const svid = await authority.issue({ id, publicKey: (await newSigner()).publicKey }, later)
  verifyX509Svid(svid.chain, new Map([[trustDomain, authority.bundle]]), { time: later })
})

test('a key that a crash left behind before its certificate was saved is destroyed at the next start', async () => {
  using folder = temporaryFolder()
  const provider = await openMemoryProvider('keys')
  const { authority } = await openStored(folder.path, provider, start)
  const stray = { applicationIdentity: 'svidecar/authority/lab', keyName: 'ca-stray' }
  const foreign = { applicationIdentity: 'authority/other', keyName: 'ca-1' }
  const [held] = provider.listKeys()
  assert.ok(held)
  await provider.psaGenerateKey?.(stray, held.attributes)
  await provider.psaGenerateKey?.(foreign, held.attributes)
  const [root] = authority.roots
  await authority.close()
  await openStored(folder.path, provider, later)
  const names = provider.listKeys().map((key) => key.identity.keyName)
  assert.deepEqual(new Set(names), new Set([root?.keyName, root?.jwt?.keyName, 'ca-1']))
})

test('the state file holds certificates and no key, readable by its owner only', async () => {
  using folder = temporaryFolder()
  await openStored(folder.path, await openMemoryProvider('keys'), start)
  const file = join(folder.path, 'data', 'authority.json')
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.equal(statSync(join(folder.path, 'data')).mode & 0o777, 0o700)
  assert.doesNotMatch(readFileSync(file, 'utf8'), /PRIVATE|pkcs8/u)
})

test('a state file that is damaged, of another version or another trust domain is refused', async () => {
  using folder = temporaryFolder()
  const { authority } = await openStored(folder.path, await openMemoryProvider('keys'), start)
  await authority.close()
  const file = join(folder.path, 'data', 'authority.json')
  const good = readFileSync(file, 'utf8')
  const bad = [
    '',
    good.slice(0, -20),
    'null',
    '[]',
    good.replace('"version": 1', '"version": 2'),
    good.replace('"trustDomain": "lab.test"', '"trustDomain": "other.test"'),
    good.replace('"state": "active"', '"state": "king"'),
    good.replace(/"certificate": ".*"/u, '"certificate": "AAAA"'),
  ]
  for (const text of bad) {
    writeFileSync(file, text)
    await assert.rejects(openStored(folder.path, await openMemoryProvider('keys'), later), isStateError)
  }
  writeFileSync(file, good)
  const other = await openRootStore(join(folder.path, 'data'), parseTrustDomain('other.test'))
  await assert.rejects(other.load(), isStateError)
  other.close()
})

test('a data directory in use is refused', async () => {
  using folder = temporaryFolder()
  const { authority } = await openStored(folder.path, await openMemoryProvider('keys'), start)
  await assert.rejects(openStored(folder.path, await openMemoryProvider('keys'), start), isStateError)
  await authority.close()
  const again = await openStored(folder.path, await openMemoryProvider('keys'), later)
  await again.authority.close()
})

test('a data directory that cannot be made is refused', async () => {
  using folder = temporaryFolder()
  writeFileSync(join(folder.path, 'data'), 'a file')
  await assert.rejects(openRootStore(join(folder.path, 'data'), trustDomain), isStateError)
  rmSync(join(folder.path, 'data'))
  chmodSync(folder.path, 0o700)
})

function isStateError(error: unknown): boolean {
  return error instanceof AuthorityError && error.code === 'ERR_AUTHORITY_STATE'
}
