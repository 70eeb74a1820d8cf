import { createDeviceProvider } from '../../device-provider.js'
import type { ConfigTable, Provider, ProviderFactory } from '../../provider.js'
import { openEncryptedKeyStore, type EncryptedKeyStoreOptions } from './encrypted-key-store.js'
import { softwareDevice } from './software-device.js'

const type = 'Software'
const uuid = '1c1139dc-ad7c-47dc-ad6b-db6fdb466552'

/**
 * Keys in this process' memory, and at rest encrypted where the operator asks for it. The UUID is that of Parsec's own
 * software provider, which Parsec's clients know.
 */
export const softwareProviderFactory: ProviderFactory = {
  type,
  uuid,
  configure: (table) => {
    const store = table.string('store') ?? 'memory'
    if (store !== 'memory' && store !== 'encrypted') table.fault('store', '"store" is "memory" or "encrypted"')
    const encrypted = encryptedStoreOf(table, store === 'encrypted')
    return {
      type,
      settings: {
        store,
        ...(encrypted && { key_store_dir: encrypted.directory, store_key_file: encrypted.storeKeyFile }),
      },
      open: async ({ name }) => (encrypted ? openEncryptedProvider(name, encrypted) : openMemoryProvider(name)),
    }
  },
}

function encryptedStoreOf(table: ConfigTable, wanted: boolean): EncryptedKeyStoreOptions | undefined {
  const directory = table.string('key_store_dir')
  const storeKeyFile = table.string('store_key_file')
  if (wanted && directory && storeKeyFile) return { directory, storeKeyFile }
  for (const [key, value] of Object.entries({ key_store_dir: directory, store_key_file: storeKeyFile })) {
    if (wanted && !value) table.fault(key, `store = "encrypted" needs "${key}"`)
    if (!wanted && value !== undefined) table.fault(key, `"${key}" needs store = "encrypted"`)
  }
  return undefined
}

/** The provider of keys for whom no `key_provider` was named: software, gone with the process. */
export function openMemoryProvider(name: string): Promise<Provider> {
  return createDeviceProvider(softwareDevice, { name, uuid })
}

/** Software keys that survive the process, each in a sealed file. Throws `ParsecError`. */
export async function openEncryptedProvider(name: string, options: EncryptedKeyStoreOptions): Promise<Provider> {
  const store = await openEncryptedKeyStore(options)
  try {
    return await createDeviceProvider(softwareDevice, { name, uuid, store })
  } catch (error) {
    await store.close()
    throw error
  }
}
