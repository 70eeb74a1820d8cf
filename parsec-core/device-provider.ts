import { verify } from 'node:crypto'
import { verifyHash } from '../native/index.js'
import { describeAlgorithm, type Algorithm } from './algorithm.js'
import { invalidArgument, ParsecError, withStatus } from './errors.js'
import type { KeyAttributes, KeyIdentity, KeyInfo, KeyOrigin } from './key-attributes.js'
import type { DeviceKey, KeyDevice } from './key-device.js'
import { psaPublicKeyOf } from './key-format.js'
import { requireExportPermission, requireHashLength, requirePermission } from './key-policy.js'
import { KeyRing, type HeldKey } from './key-ring.js'
import type { KeyStore } from './key-store.js'
import type { CryptoCheck, Provider } from './provider.js'
import { ResponseStatus } from './response-status.js'
import { nodeSignatureOptions } from './node-signature.js'

/** What a device becomes a provider with. Without a store keys live until the provider closes. */
export interface DeviceProviderOptions {
  readonly name: string
  readonly uuid: string
  readonly store?: KeyStore
}

/** The most random bytes one call gives: a number from a peer must not size an allocation. */
const maxRandomBytes = 1 << 20

/**
 * A `Provider` over a device: takes care of names, policy and the key store, and has exactly the methods the device
 * can back. Opens the stored keys first; one that cannot be opened fails the whole, since going on would hide it.
 */
export async function createDeviceProvider<Key extends DeviceKey>(
  device: KeyDevice<Key>,
  options: DeviceProviderOptions,
): Promise<Provider> {
  const keys = new KeyRing<Key>()
  for (const entry of (await options.store?.load()) ?? []) {
    const { material, ...rest } = entry
    await keys.add(rest.identity, async () => ({ ...rest, key: await device.openKey(rest.attributes, material) }))
    material.fill(0)
  }
  return {
    name: options.name,
    type: device.type,
    uuid: options.uuid,
    ...management(device, keys, options.store),
    ...signatures(device, keys),
    ...verifying(keys),
    ...extras(device, keys),
    keyInfo: (key) => infoOf(device, keys.find(key)),
    listKeys: () => keys.list().map((held) => infoOf(device, held)),
    close: async () => {
      keys.close()
      await device.close()
      await options.store?.close()
    },
  }
}

function infoOf<Key extends DeviceKey>(device: KeyDevice<Key>, held: HeldKey<Key>): KeyInfo {
  const { identity, attributes, origin } = held
  return { identity, attributes, origin, residency: device.residencyOf(origin) }
}

function management<Key extends DeviceKey>(device: KeyDevice<Key>, keys: KeyRing<Key>, store: KeyStore | undefined) {
  const importKey = device.importKey?.bind(device)
  const add = (identity: KeyIdentity, attributes: KeyAttributes, origin: KeyOrigin, make: () => Promise<Key>) =>
    keys.add(identity, async () => {
      const key = await withStatus(ResponseStatus.PsaErrorGenericError, `"${device.type}" could not make the key`, make)
      const held = { identity, attributes, origin, key }
      await persist(device, store, held)
      return held
    })
  return {
    psaGenerateKey: async (identity: KeyIdentity, attributes: KeyAttributes) => {
      device.requireSupported('generate', attributes)
      await add(identity, attributes, 'generated', () => device.generateKey(attributes))
    },
    ...(importKey && {
      psaImportKey: async (identity: KeyIdentity, attributes: KeyAttributes, data: Uint8Array) => {
        device.requireSupported('import', attributes)
        if (data.length === 0) throw invalidArgument('there is no key in no bytes')
        await add(identity, attributes, 'imported', () => importKey(attributes, data))
      },
    }),
    psaDestroyKey: (identity: KeyIdentity) =>
      keys.remove(identity, async ({ key }) => {
        // The device first: the other order would leave a key nobody can name if the process ended between the two.
        await device.destroyKey(key)
        await store?.delete(identity)
      }),
    psaExportPublicKey: async (identity: KeyIdentity) => psaPublicKeyOf(keys.find(identity).key.publicKey),
    canDoCrypto: async (check: CryptoCheck, attributes: KeyAttributes) => device.requireSupported(check, attributes),
  }
}

/** A key that could not be stored is destroyed again: it must not outlive a failure its caller was told of. */
async function persist<Key extends DeviceKey>(device: KeyDevice<Key>, store: KeyStore | undefined, held: HeldKey<Key>) {
  if (!store) return
  const { key, ...rest } = held
  const material = device.storedForm(key)
  try {
    await store.put({ ...rest, material })
  } catch (error) {
    await device.destroyKey(key)
    throw error
  } finally {
    material.fill(0)
  }
}

function signatures<Key extends DeviceKey>(device: KeyDevice<Key>, keys: KeyRing<Key>) {
  const signHash = device.signHash?.bind(device)
  const signMessage = device.signMessage?.bind(device)
  const signing = (sign: () => Promise<Uint8Array>) =>
    withStatus(ResponseStatus.PsaErrorGenericError, `"${device.type}" could not sign`, sign)
  return {
    ...(signHash && {
      psaSignHash: async (identity: KeyIdentity, algorithm: Algorithm, hash: Uint8Array) => {
        const { key, attributes } = keys.find(identity)
        requirePermission(attributes, 'signHash', algorithm)
        requireHashLength(algorithm, hash)
        return signing(() => signHash(key, algorithm, hash))
      },
    }),
    ...(signMessage && {
      psaSignMessage: async (identity: KeyIdentity, algorithm: Algorithm, message: Uint8Array) => {
        const { key, attributes } = keys.find(identity)
        requirePermission(attributes, 'signMessage', algorithm)
        return signing(() => signMessage(key, algorithm, message))
      },
    }),
  }
}

/** Verifying needs no secret, so it is done here for every device, and never loads the device. */
function verifying<Key extends DeviceKey>(keys: KeyRing<Key>) {
  return {
    psaVerifyMessage: async (id: KeyIdentity, algorithm: Algorithm, message: Uint8Array, signature: Uint8Array) => {
      const { key, attributes } = keys.find(id)
      requirePermission(attributes, 'verifyMessage', algorithm)
      const options = { key: key.publicKey, ...nodeSignatureOptions(algorithm) }
      requireValid(verify(describeAlgorithm(algorithm).hash, message, options, signature))
    },
    psaVerifyHash: async (id: KeyIdentity, algorithm: Algorithm, hash: Uint8Array, signature: Uint8Array) => {
      const { key, attributes } = keys.find(id)
      requirePermission(attributes, 'verifyHash', algorithm)
      requireHashLength(algorithm, hash)
      requireValid(verifyHash(algorithm, psaPublicKeyOf(key.publicKey), hash, signature))
    },
  }
}

function requireValid(valid: boolean): void {
  if (!valid) throw new ParsecError(ResponseStatus.PsaErrorInvalidSignature, 'the signature does not verify')
}

function extras<Key extends DeviceKey>(device: KeyDevice<Key>, keys: KeyRing<Key>) {
  const exportKey = device.exportKey?.bind(device)
  const exportForDataPlane = device.exportForDataPlane?.bind(device)
  const generateRandom = device.generateRandom?.bind(device)
  return {
    ...(exportKey && {
      psaExportKey: async (identity: KeyIdentity) => {
        const { key, attributes } = keys.find(identity)
        requireExportPermission(attributes)
        return exportKey(key)
      },
    }),
    ...(exportForDataPlane && {
      exportForDataPlane: (identity: KeyIdentity) => exportForDataPlane(keys.find(identity).key),
    }),
    ...(generateRandom && {
      psaGenerateRandom: async (size: number) => {
        if (!Number.isInteger(size) || size < 0 || size > maxRandomBytes) {
          throw invalidArgument(`random bytes are given 0 to ${maxRandomBytes} at a time`)
        }
        return generateRandom(size)
      },
    }),
  }
}
