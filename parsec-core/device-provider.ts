import { ready, type AvailabilityListener } from './availability.js'
import { DeviceKeys } from './device-keys.js'
import { invalidArgument, ParsecError } from './errors.js'
import type { KeyAttributes, KeyIdentity } from './key-attributes.js'
import type { DeviceObject, KeyCheck } from './key-check.js'
import type { DeviceKey, KeyDevice } from './key-device.js'
import { psaPublicKeyOf } from './key-format.js'
import { furtherOperations, signingOperations, verifyingOperations } from './key-operations.js'
import type { KeyStore } from './key-store/key-store.js'
import type { CryptoCheck, Provider } from './provider.js'
import { ResponseStatus } from './response-status.js'

/** What a device becomes a provider with. Without a store there are no persistent keys. */
export interface DeviceProviderOptions {
  readonly name: string
  readonly uuid: string
  readonly store?: KeyStore
}

/**
 * A `Provider` over a device: takes care of names, policy and the key store, and has exactly the methods the device
 * can back. Opens the stored keys first; one the device no longer has is listed as missing, and one that cannot be
 * opened for any other reason fails the whole. The device and the store stay the caller's until this resolves.
 */
export async function createDeviceProvider<Key extends DeviceKey>(
  device: KeyDevice<Key>,
  options: DeviceProviderOptions,
): Promise<Provider> {
  const keys = await DeviceKeys.open(device, options.store)
  const listeners = new Set<AvailabilityListener>()
  const unfollow = followDevice(device, keys, listeners)
  const operations = {
    ...management(device, keys),
    ...signingOperations(device, keys),
    ...verifyingOperations(keys),
    ...furtherOperations(device, keys),
    ...checking(device, keys),
  }
  const closeAll = async () => {
    unfollow?.()
    await keys.close()
    await device.close()
    await options.store?.close()
  }
  let closing: Promise<void> | undefined
  return {
    name: options.name,
    type: device.type,
    uuid: options.uuid,
    storesKeys: keys.storesKeys,
    get availability() {
      return device.availability ?? ready
    },
    onAvailability: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    onKeyMissing: (listener) => keys.onMissing(listener),
    ...operations,
    keyInfo: (key) => keys.info(key),
    listKeys: () => keys.list().map((known) => keys.infoOf(known)),
    close: () => (closing ??= closeAll()),
  }
}

/** A device that is back may have lost keys, or found some again: that is settled before anybody hears of it. */
function followDevice<Key extends DeviceKey>(
  device: KeyDevice<Key>,
  keys: DeviceKeys<Key>,
  listeners: ReadonlySet<AvailabilityListener>,
): (() => void) | undefined {
  let settled: Promise<unknown> = Promise.resolve()
  return device.onAvailability?.((change) => {
    const tell = () => {
      if (device.availability === change) for (const listener of listeners) listener(change)
    }
    if (change.state === 'lost') return tell()
    // A device that fails to answer has said that it is lost again, and is waited for again.
    settled = settled.then(() => keys.verify()).then(tell, () => undefined)
  })
}

function management<Key extends DeviceKey>(device: KeyDevice<Key>, keys: DeviceKeys<Key>) {
  const importKey = device.importKey?.bind(device)
  return {
    psaGenerateKey: async (identity: KeyIdentity, attributes: KeyAttributes) => {
      device.requireSupported('generate', attributes)
      await keys.add(identity, attributes, 'generated', () => device.generateKey(attributes, identity))
    },
    ...(importKey && {
      psaImportKey: async (identity: KeyIdentity, attributes: KeyAttributes, data: Uint8Array) => {
        device.requireSupported('import', attributes)
        if (data.length === 0) throw invalidArgument('there is no key in no bytes')
        await keys.add(identity, attributes, 'imported', () => importKey(attributes, data, identity))
      },
    }),
    psaDestroyKey: (identity: KeyIdentity) => keys.destroy(identity),
    psaExportPublicKey: async (identity: KeyIdentity) => psaPublicKeyOf(keys.find(identity).key.publicKey),
    canDoCrypto: async (check: CryptoCheck, attributes: KeyAttributes) => device.requireSupported(check, attributes),
  }
}

function checking<Key extends DeviceKey>(device: KeyDevice<Key>, keys: DeviceKeys<Key>) {
  const destroyObject = device.destroyObject?.bind(device)
  return {
    checkKeys: async (): Promise<KeyCheck> => {
      await keys.verify()
      // Known before or known after: a key that is being made or destroyed meanwhile is no orphan.
      const before = await keys.references()
      const objects = (await device.listObjects?.()) ?? []
      const known = [...before, ...(await keys.references())]
      const missing = keys.list().filter(({ state }) => state === 'missing')
      return {
        missing: missing.map((key) => keys.infoOf(key)),
        orphans: objects.filter((object) => !includes(known, object.reference)),
      }
    },
    ...(destroyObject && {
      destroyOrphan: async (orphan: DeviceObject) => {
        keys.requireReady()
        if (includes(await keys.references(), orphan.reference)) {
          throw new ParsecError(ResponseStatus.PsaErrorNotPermitted, 'the object is a key that is held')
        }
        await destroyObject(orphan)
      },
    }),
  }
}

function includes(references: readonly Uint8Array[], wanted: Uint8Array): boolean {
  return references.some((reference) => Buffer.compare(reference, wanted) === 0)
}
