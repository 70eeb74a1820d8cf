import { createDeviceProvider } from '../../device-provider.js'
import type { Provider, ProviderFactory } from '../../provider.js'
import { softwareDevice } from './software-device.js'

const type = 'Software'
const uuid = '1c1139dc-ad7c-47dc-ad6b-db6fdb466552'

/**
 * Keys in this process' memory. The UUID is that of Parsec's own software provider, which Parsec's clients know.
 */
export const softwareProviderFactory: ProviderFactory = {
  type,
  uuid,
  configure: (table) => {
    const store = table.string('store') ?? 'memory'
    if (store !== 'memory') table.fault('store', '"store" is "memory"')
    return {
      type,
      settings: { store },
      open: ({ name }) => createDeviceProvider(softwareDevice, { name, uuid }),
    }
  },
}

/** The provider of keys for whom no `key_provider` was named: software, gone with the process. */
export function openMemoryProvider(name: string): Promise<Provider> {
  return createDeviceProvider(softwareDevice, { name, uuid })
}
