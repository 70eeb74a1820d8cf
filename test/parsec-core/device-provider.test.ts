import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createDeviceProvider } from '../../parsec-core/device-provider.js'
import {
  signingKeyAttributes,
  type Availability,
  type KeyAttributes,
  type KeyInfo,
  type Provider,
} from '../../parsec-core/index.js'
import { openKeyStore } from '../../parsec-core/key-store/open-key-store.js'
import { assertStatus, hasStatus } from '../contract/provider.js'
import { RemovableDevice } from '../fakes/removable-device.js'

const root = mkdtempSync(join(tmpdir(), 'svidecar-device-'))
after(() => rmSync(root, { recursive: true }))

const key = { applicationIdentity: 'test', keyName: 'one' }
const volatile = signingKeyAttributes('ec-p256')
const persistent = signingKeyAttributes('ec-p256', 'persistent')
const message = Buffer.from('a message')

async function open(device: RemovableDevice, directory?: string): Promise<Provider> {
  const store = directory === undefined ? {} : { store: await openKeyStore({ directory, providerType: device.type }) }
  return createDeviceProvider(device, { name: 'test', uuid: '', ...store })
}

function newDirectory(): string {
  return join(mkdtempSync(join(root, 'case-')), 'keys')
}

/** A device with one key, its provider closed again. */
async function storedKey(attributes: KeyAttributes, device = new RemovableDevice()) {
  const directory = newDirectory()
  const provider = await open(device, directory)
  await provider.psaGenerateKey?.(key, attributes)
  return { device, directory, provider }
}

function sign(provider: Provider): Promise<Uint8Array> {
  return provider.psaSignMessage?.(key, 'EcdsaSha256', message) ?? assert.fail('the provider signs messages')
}

test('what a policy refuses never reaches the device: algorithm, usage flag, and a name that is taken', async () => {
  const device = new RemovableDevice()
  const provider = await open(device)
  await provider.psaGenerateKey?.(key, { ...volatile, usageFlags: ['verifyMessage'] })
  const verifyOnly = { applicationIdentity: 'test', keyName: 'two' }
  await provider.psaGenerateKey?.(verifyOnly, volatile)
  device.calls.length = 0
  await assertStatus(sign(provider), 'PsaErrorNotPermitted')
  await assertStatus(provider.psaSignMessage?.(verifyOnly, 'EcdsaSha384', message), 'PsaErrorNotPermitted')
  await assertStatus(provider.psaSignMessage?.(verifyOnly, 'RsaPssSha256', message), 'PsaErrorNotPermitted')
  await assertStatus(provider.psaGenerateKey?.(key, volatile), 'PsaErrorAlreadyExists')
  assert.deepEqual(device.calls, [])
  await provider.close()
})

test('a persistent key needs a key store, and is refused without one before the device makes it', async () => {
  const device = new RemovableDevice()
  const provider = await open(device)
  await assertStatus(provider.psaGenerateKey?.(key, persistent), 'PsaErrorNotSupported')
  assert.deepEqual(device.calls, [])
  assert.equal(provider.storesKeys, false)
})

test('a volatile key never enters the key store, a persistent one is there at the next start', async () => {
  const { device, directory, provider } = await storedKey(persistent)
  const other = { applicationIdentity: 'test', keyName: 'volatile' }
  await provider.psaGenerateKey?.(other, volatile)
  await provider.close()
  const again = await open(device, directory)
  assert.deepEqual(
    again.listKeys().map(({ identity }) => identity),
    [key],
  )
  await sign(again)
  await again.close()
})

test('opens although the device lost a stored key, lists it with the reason, and refuses every use of it', async () => {
  const { device, directory, provider } = await storedKey(persistent)
  await provider.close()
  device.objects.clear()
  const again = await open(device, directory)
  const [info] = again.listKeys()
  assert.match(info?.missing ?? '', /^it has no object/)
  assert.deepEqual(again.keyInfo(key), info)
  await assertStatus(sign(again), 'PsaErrorDoesNotExist')
  await assertStatus(again.psaExportPublicKey?.(key), 'PsaErrorDoesNotExist')
  await assertStatus(again.psaGenerateKey?.(key, persistent), 'PsaErrorAlreadyExists')
  await again.psaDestroyKey?.(key)
  assert.deepEqual(again.listKeys(), [])
  await again.close()
  assert.deepEqual((await open(device, directory)).listKeys(), [])
})

test('a key that others removed from the device is missing from its next use on, and that is told once', async () => {
  const { device, provider } = await storedKey(persistent)
  const told: KeyInfo[] = []
  provider.onKeyMissing((info) => told.push(info))
  device.objects.clear()
  await assertStatus(sign(provider), 'PsaErrorDoesNotExist')
  await assertStatus(sign(provider), 'PsaErrorDoesNotExist')
  assert.deepEqual(
    told.map(({ identity }) => identity),
    [key],
  )
  assert.ok(provider.keyInfo(key).missing)
  await provider.close()
})

test('while the device is lost its operations fail at once with the reason, and public ones go on', async () => {
  const { device, provider } = await storedKey(volatile)
  const signature = await sign(provider)
  device.calls.length = 0
  device.pullOut()
  const refused = hasStatus('PsaErrorCommunicationFailure')
  await assert.rejects(sign(provider), (error) => refused(error) && /pulled out/.test(String(error)))
  await assert.rejects(async () => provider.psaDestroyKey?.(key), refused)
  await assert.rejects(async () => provider.psaGenerateKey?.({ ...key, keyName: 'two' }, volatile), refused)
  await assert.rejects(async () => provider.checkKeys?.(), refused)
  assert.deepEqual(device.calls, [])
  await provider.psaVerifyMessage?.(key, 'EcdsaSha256', message, signature)
  assert.ok(await provider.psaExportPublicKey?.(key))
  assert.equal(provider.availability.state, 'lost')
})

test('a device that is back has its keys again; those it lost are missing before anybody hears that it is back', async () => {
  const { device, provider } = await storedKey(persistent)
  const two = { applicationIdentity: 'test', keyName: 'two' }
  await provider.psaGenerateKey?.(two, volatile)
  const [kept] = device.objects.keys()
  const lostOnReturn: (string | undefined)[] = []
  const back = new Promise<void>((resolve) => {
    provider.onAvailability(({ state }: Availability) => {
      if (state === 'lost') return
      lostOnReturn.push(...provider.listKeys().map((info) => info.missing && info.identity.keyName))
      resolve()
    })
  })
  device.pullOut()
  for (const id of device.objects.keys()) if (id !== kept) device.objects.delete(id)
  device.putBack()
  await back
  assert.deepEqual(lostOnReturn, [undefined, 'two'])
  await sign(provider)
  await provider.close()
})

test('a missing key is a key again when the device comes back with it', async () => {
  const { device, directory, provider } = await storedKey(persistent)
  await provider.close()
  const objects = [...device.objects]
  device.objects.clear()
  const again = await open(device, directory)
  await assertStatus(sign(again), 'PsaErrorDoesNotExist')
  const back = new Promise<void>((resolve) => again.onAvailability(({ state }) => state === 'ready' && resolve()))
  device.pullOut()
  for (const [id, object] of objects) device.objects.set(id, object)
  device.putBack()
  await back
  await sign(again)
  assert.equal(again.keyInfo(key).missing, undefined)
})

test('volatile keys that an earlier process left on the device are destroyed when the next one opens', async () => {
  const { device, directory } = await storedKey(volatile, new RemovableDevice({ storesVolatileKeys: true }))
  const copy = `${directory}-after-a-crash`
  cpSync(directory, copy, { recursive: true })
  assert.equal(device.objects.size, 1)
  const again = await open(device, copy)
  assert.deepEqual(again.listKeys(), [])
  assert.equal(device.objects.size, 0)
  assert.deepEqual((await again.checkKeys?.())?.missing, [])
})

test('volatile keys are destroyed on the device when the provider closes', async () => {
  const { device, directory, provider } = await storedKey(volatile, new RemovableDevice({ storesVolatileKeys: true }))
  await provider.close()
  assert.equal(device.objects.size, 0)
  assert.deepEqual((await open(device, directory)).listKeys(), [])
})

test('a check names keys gone from the device, and objects on it that no key is; only the latter can be removed', async () => {
  const { device, provider } = await storedKey(persistent)
  await device.generateKey(volatile)
  const two = { applicationIdentity: 'test', keyName: 'two' }
  await provider.psaGenerateKey?.(two, persistent)
  const ids = [...device.objects.keys()]
  device.objects.delete(ids[2]!)
  const check = await provider.checkKeys?.()
  assert.deepEqual(
    check?.missing.map(({ identity }) => identity),
    [two],
  )
  assert.deepEqual(
    check?.orphans.map(({ id }) => id),
    [ids[1]],
  )
  const held = { id: ids[0]!, label: '', reference: Buffer.from(ids[0]!) }
  await assertStatus(provider.destroyOrphan?.(held), 'PsaErrorNotPermitted')
  await provider.destroyOrphan?.(check.orphans[0]!)
  assert.deepEqual([...device.objects.keys()], [ids[0]])
  await provider.close()
})

test('a key that is being made while the keys are checked is no orphan', async () => {
  const { device, provider } = await storedKey(persistent)
  const made = Array.from({ length: 20 }, async (_, index) =>
    provider.psaGenerateKey?.({ applicationIdentity: 'test', keyName: `at once ${index}` }, persistent),
  )
  const checks = await Promise.all([provider.checkKeys?.(), provider.checkKeys?.(), provider.checkKeys?.()])
  await Promise.all(made)
  assert.deepEqual(
    checks.flatMap((check) => check?.orphans),
    [],
  )
  assert.equal(device.objects.size, 21)
  await provider.close()
})

test('a key that cannot be stored is destroyed on the device again, and its name stays free', async () => {
  const { device, directory, provider } = await storedKey(persistent)
  rmSync(directory, { recursive: true })
  const two = { applicationIdentity: 'test', keyName: 'two' }
  await assertStatus(provider.psaGenerateKey?.(two, persistent), 'PsaErrorStorageFailure')
  assert.equal(device.objects.size, 1)
  await assertStatus(provider.psaExportPublicKey?.(two), 'PsaErrorDoesNotExist')
})
