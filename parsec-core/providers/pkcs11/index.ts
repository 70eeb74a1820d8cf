import { createDeviceProvider } from '../../device-provider.js'
import { openKeyStore } from '../../key-store/open-key-store.js'
import type { Provider, ProviderFactory } from '../../provider.js'
import { RefusedSecrets } from '../../refused-secret.js'
import { Pkcs11Device, type } from './pkcs11-device.js'
import { readSettings, settingsOf, type Pkcs11Settings } from './settings.js'
import { TokenConnection } from './token-connection.js'

/** The UUID of Parsec's own PKCS#11 provider, which Parsec's clients know. */
const uuid = '30e39502-eba6-4d60-a4af-c518b7f5e38f'

/** Keys in a PKCS#11 token: an HSM, a smart card, SoftHSM. */
export const pkcs11ProviderFactory: ProviderFactory = {
  type,
  uuid,
  configure: (table) => {
    const settings = readSettings(table)
    return {
      type,
      settings: settings ? settingsOf(settings) : {},
      open: async ({ name }) => {
        if (!settings) throw new TypeError('the block has faults')
        return openPkcs11Provider(name, settings)
      },
    }
  },
}

async function openPkcs11Provider(name: string, settings: Pkcs11Settings): Promise<Provider> {
  // First, since its lock keeps the memory of refused PINs to one process.
  const store = await openKeyStore({ directory: settings.keyStoreDirectory, providerType: type })
  let device: Pkcs11Device | undefined
  try {
    const refused = new RefusedSecrets(settings.keyStoreDirectory)
    const connection = await TokenConnection.open({ ...settings, pin: { source: settings.pin, refused } })
    device = new Pkcs11Device(connection, { storesVolatileKeys: settings.keyStorage === 'token' })
    return await createDeviceProvider(device, { name, uuid, store })
  } catch (error) {
    await device?.close()
    await store.close()
    throw error
  }
}
