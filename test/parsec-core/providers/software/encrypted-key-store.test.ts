import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import {
  generatePrivateKey,
  openEncryptedProvider,
  openSigner,
  type KeyIdentity,
} from '../../../../parsec-core/index.js'
import { assertStatus } from '../../../contract/provider.js'

const root = mkdtempSync(join(tmpdir(), 'svidecar-key-store-'))
after(() => rmSync(root, { recursive: true }))

const key: KeyIdentity = { applicationIdentity: 'test', keyName: 'one' }

/** A store with one key, closed again. */
async function storedKey() {
  const folder = mkdtempSync(join(root, 'case-'))
  const storeKeyFile = join(folder, 'store.key')
  writeFileSync(storeKeyFile, randomBytes(32), { mode: 0o600 })
  const options = { directory: join(folder, 'keys'), storeKeyFile }
  const provider = await openEncryptedProvider('test', options)
  const { publicKey } = await generatePrivateKey(provider, key, 'ec-p256', { lifetime: 'persistent' })
  const pkcs8 = provider.exportForDataPlane?.(key)
  assert.ok(pkcs8)
  await provider.close()
  return {
    options,
    publicKey,
    pkcs8,
    files: () =>
      readdirSync(options.directory)
        .filter((name) => name.endsWith('.key'))
        .map((name) => join(options.directory, name)),
  }
}

test('a key is there again, with its attributes and origin, after the provider was closed', async () => {
  const { options, publicKey } = await storedKey()
  const provider = await openEncryptedProvider('test', options)
  assert.ok((await openSigner(provider, key)).publicKey.equals(publicKey))
  assert.equal(provider.keyInfo(key).origin, 'generated')
  await provider.close()
})

test('a destroyed key is not there again', async () => {
  const { options } = await storedKey()
  const first = await openEncryptedProvider('test', options)
  await first.psaDestroyKey?.(key)
  await first.close()
  const second = await openEncryptedProvider('test', options)
  assert.deepEqual(second.listKeys(), [])
  await second.close()
})

test('nothing of the key and nothing of its name can be read in the store, and nobody else may read it', async () => {
  const { options, pkcs8, files } = await storedKey()
  const [file] = files()
  assert.ok(file)
  const bytes = readFileSync(file)
  assert.equal(bytes.indexOf(pkcs8.subarray(40, 60)), -1)
  assert.equal(bytes.indexOf(key.keyName), -1)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.equal(statSync(options.directory).mode & 0o777, 0o700)
})

test('an entry of which one bit was changed, anywhere, is refused as corrupt', async () => {
  const { options, files } = await storedKey()
  const [file] = files()
  assert.ok(file)
  const good = readFileSync(file)
  for (let at = 0; at < good.length; at += 1) {
    const bad = Buffer.from(good)
    bad[at]! ^= 1
    writeFileSync(file, bad)
    await assertStatus(openEncryptedProvider('test', options), 'PsaErrorDataCorrupt')
  }
})

test('an entry that was cut short is refused as corrupt', async () => {
  const { options, files } = await storedKey()
  const [file] = files()
  assert.ok(file)
  const good = readFileSync(file)
  for (const length of [0, 3, 31, 32, good.length - 1]) {
    writeFileSync(file, good.subarray(0, length))
    await assertStatus(openEncryptedProvider('test', options), 'PsaErrorDataCorrupt')
  }
})

test('an entry under the name of another one is refused: names are authenticated', async () => {
  const { options, files } = await storedKey()
  const [file] = files()
  assert.ok(file)
  renameSync(file, join(options.directory, `${'0'.repeat(64)}.key`))
  await assertStatus(openEncryptedProvider('test', options), 'PsaErrorDataCorrupt')
})

test('another store key opens nothing', async () => {
  const { options } = await storedKey()
  writeFileSync(options.storeKeyFile, randomBytes(32))
  await assertStatus(openEncryptedProvider('test', options), 'PsaErrorDataCorrupt')
})

test('a store key file that everybody may read, is too short or is missing is refused', async () => {
  const { options } = await storedKey()
  chmodSync(options.storeKeyFile, 0o604)
  await assertStatus(openEncryptedProvider('test', options), 'PsaErrorStorageFailure')
  chmodSync(options.storeKeyFile, 0o600)
  writeFileSync(options.storeKeyFile, randomBytes(31))
  await assertStatus(openEncryptedProvider('test', options), 'PsaErrorStorageFailure')
  rmSync(options.storeKeyFile)
  await assertStatus(openEncryptedProvider('test', options), 'PsaErrorStorageFailure')
})

test('what a crash left of a write is removed and other files are left alone', async () => {
  const { options } = await storedKey()
  const leftover = join(options.directory, `${'a'.repeat(64)}.key.12345`)
  const foreign = join(options.directory, 'README')
  writeFileSync(leftover, 'half')
  writeFileSync(foreign, 'mine')
  await (await openEncryptedProvider('test', options)).close()
  assert.equal(statSync(leftover, { throwIfNoEntry: false }), undefined)
  assert.equal(readFileSync(foreign, 'utf8'), 'mine')
})

test('a store in use is refused, and given away again when its provider closes or fails to open', async () => {
  const { options, files } = await storedKey()
  const first = await openEncryptedProvider('test', options)
  await assertStatus(openEncryptedProvider('test', options), 'PsaErrorBadState')
  await first.close()
  const [file] = files()
  assert.ok(file)
  const good = readFileSync(file)
  writeFileSync(file, 'bad')
  await assertStatus(openEncryptedProvider('test', options), 'PsaErrorDataCorrupt')
  writeFileSync(file, good)
  await (await openEncryptedProvider('test', options)).close()
})
