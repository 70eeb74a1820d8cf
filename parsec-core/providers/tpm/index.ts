import { createDeviceProvider } from '../../device-provider.js'
import { openKeyStore } from '../../key-store/open-key-store.js'
import type { Provider, ProviderFactory } from '../../provider.js'
import { RefusedSecrets } from '../../refused-secret.js'
import { noOwnerAuthorization, ownerAuthorizationFrom, type OwnerAuthorization } from './owner-authorization.js'
import { readSettings, settingsOf, type TpmSettings } from './settings.js'

import { joinConnection } from './shared-connections.js'
import { TpmDevice, type } from './tpm-device.js'

/** The UUID of Parsec's own TPM provider, which Parsec's clients know. */
const uuid = '1e4954a4-ff21-46d3-ab0c-661eeb667e1d'

/** Keys in a TPM 2.0. */
export const tpmProviderFactory: ProviderFactory = {
  type,
  uuid,
  configure: (table) => {
    const settings = readSettings(table)
    return {
      type,
      settings: settings ? settingsOf(settings) : {},
      open: async ({ name }) => {
        if (!settings) throw new TypeError('the block has faults')
        return openTpmProvider(name, settings)
      },
    }
  },
}

async function openTpmProvider(name: string, settings: TpmSettings): Promise<Provider> {
  const { keyStoreDirectory, tcti, operationTimeoutMs, unsafePlainSessions } = settings
  // First, since its lock keeps the memory of refused authorizations to one process.
  const store = keyStoreDirectory === undefined ? undefined : await openStore(keyStoreDirectory)
  let device: TpmDevice | undefined
  try {
    const way = JSON.stringify(settings.ownerAuthorization ?? null)
    const shared = await joinConnection(way, {
      tcti,
      ownerAuthorization: ownerAuthorizationOf(settings),
      saltedSessions: !tcti.isLocalSoftware && !unsafePlainSessions,
      operationTimeoutMs,
    })
    device = new TpmDevice(shared)
    return await createDeviceProvider(device, { name, uuid, ...(store && { store }) })
  } catch (error) {
    await device?.close()
    await store?.close()
    throw error
  }
}

function openStore(directory: string) {
  return openKeyStore({ directory, providerType: type })
}

function ownerAuthorizationOf({ ownerAuthorization, keyStoreDirectory, tcti }: TpmSettings): OwnerAuthorization {
  if (ownerAuthorization === undefined || keyStoreDirectory === undefined) return noOwnerAuthorization
  return ownerAuthorizationFrom(ownerAuthorization, tcti.text, new RefusedSecrets(keyStoreDirectory))
}
