import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ParsecError, ResponseStatus, signingKeyAttributes } from '../../../parsec-core/index.js'
import type { KeyStoreEntry } from '../../../parsec-core/key-store/key-store.js'
import { openKeyStore } from '../../../parsec-core/key-store/open-key-store.js'
import { assertStatus } from '../../contract/provider.js'

const root = mkdtempSync(join(tmpdir(), 'svidecar-keys-'))
after(() => rmSync(root, { recursive: true }))
chmodSync(root, 0o755)

const providerType = 'Tpm'
const program = fileURLToPath(new URL('store-program.js', import.meta.url))

function entryOf(keyName: string): KeyStoreEntry {
  return {
    identity: { applicationIdentity: 'svidecar/identity/edge', keyName },
    attributes: signingKeyAttributes('ec-p256', 'persistent'),
    origin: 'generated',
    material: Buffer.from('a wrapped blob'),
  }
}

/** A store with one key, closed again. */
async function storeWithKey() {
  const directory = join(mkdtempSync(join(root, 'case-')), 'keys')
  const store = await openKeyStore({ directory, providerType })
  await store.put(entryOf('one'))
  await store.close()
  const [file] = readdirSync(directory).filter((name) => name.endsWith('.key'))
  assert.ok(file)
  return { directory, file, path: join(directory, file) }
}

async function load(directory: string, type = providerType): Promise<readonly KeyStoreEntry[]> {
  const store = await openKeyStore({ directory, providerType: type })
  try {
    return await store.load()
  } finally {
    await store.close()
  }
}

async function assertRefused(directory: string, file: string, reason: RegExp): Promise<void> {
  await assert.rejects(load(directory), (error) => {
    assert.ok(error instanceof ParsecError && error.status === ResponseStatus.PsaErrorDataCorrupt)
    assert.ok(error.message.includes(file), 'the file is named')
    assert.match(error.message, reason)
    return true
  })
}

test('an entry is there again as it was put, in a file only its owner can read', async () => {
  const { directory, path } = await storeWithKey()
  const [entry] = await load(directory)
  assert.deepEqual(entry, { ...entryOf('one'), material: Uint8Array.from(Buffer.from('a wrapped blob')) })
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(statSync(directory).mode & 0o777, 0o700)
})

test('an entry truncated anywhere is refused, and the file is named', async () => {
  const { directory, file, path } = await storeWithKey()
  const good = readFileSync(path)
  for (let length = 0; length < good.length - 2; length += 7) {
    writeFileSync(path, good.subarray(0, length))
    await assertRefused(directory, file, /not whole/)
  }
})

test('an entry edited by hand is refused, and the file is named', async () => {
  const { directory, file, path } = await storeWithKey()
  const good = readFileSync(path, 'utf8')
  for (const [from, to] of [
    ['svidecar/identity/edge', 'svidecar/identity/evil'],
    ['"signHash"', '"export"'],
    ['"generated"', '"imported"'],
    ['"persistent"', '"volatile"'],
    [Buffer.from('a wrapped blob').toString('base64'), Buffer.from('another blob!!').toString('base64')],
  ] as const) {
    assert.ok(good.includes(from))
    writeFileSync(path, good.replace(from, to))
    await assertRefused(directory, file, /changed or damaged/)
  }
  writeFileSync(path, 'null')
  await assertRefused(directory, file, /not the file of a key/)
})

test('an entry of another type of provider is refused', async () => {
  const { directory } = await storeWithKey()
  await assertStatus(load(directory, 'Pkcs11'), 'PsaErrorDataCorrupt')
})

test('an entry under the file name of another is refused', async () => {
  const { directory, path } = await storeWithKey()
  const other = `${'0'.repeat(64)}.key`
  writeFileSync(join(directory, other), readFileSync(path))
  await assertRefused(directory, other, /another name/)
})

test('a key store directory used by a second process is refused, and free again when that one ends', async () => {
  const { directory } = await storeWithKey()
  const child = spawn(process.execPath, [program, directory], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  const refused = openKeyStore({ directory, providerType })
  await assert.rejects(refused, (error) => {
    assert.ok(error instanceof ParsecError && error.status === ResponseStatus.PsaErrorBadState)
    assert.match(error.message, /in use already: is another svidecar running/)
    return true
  })
  child.kill('SIGKILL')
  await once(child, 'exit')
  assert.equal((await load(directory)).length, 1)
})

test(
  'a key store directory that is not writable is refused, and named',
  { skip: process.getuid?.() !== 0 && 'needs root to become somebody else' },
  () => {
    const directory = join(mkdtempSync(join(root, 'case-')), 'keys')
    chmodSync(join(directory, '..'), 0o755)
    mkdirSync(directory, { mode: 0o755 })
    const opened = execFileSync(process.execPath, [program, directory], {
      uid: 65534,
      gid: 65534,
      encoding: 'utf8',
      input: '',
    })
    assert.match(opened, /^PsaErrorStorageFailure: cannot \w+ the key store ".*keys"/)
  },
)
