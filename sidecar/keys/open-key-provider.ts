import { openProvider, type KeyInfo, type Provider } from '../../parsec-core/index.js'
import type { KeyProviderConfig } from '../config/index.js'
import type { Logger } from '../log/logger.js'

/** Keys for whom no block was named: software, gone with the process. */
export const memoryProvider: KeyProviderConfig = { name: 'memory', type: 'Software', settings: {} }

/** Opens the provider of a `key_provider` block and logs, for as long as it is open, what becomes of its device and keys. */
export async function openKeyProvider(config: KeyProviderConfig, log: Logger): Promise<Provider> {
  const provider = await openProvider(config)
  const told = log.with({ keyProvider: config.name, type: config.type })
  const lost = provider.listKeys().filter(({ missing }) => missing !== undefined)
  for (const key of lost) told.error('a key of the store is gone from its device', missingFields(key))
  provider.onKeyMissing((key) => told.error('a key is gone from its device', missingFields(key)))
  provider.onAvailability((availability) => {
    if (availability.state === 'ready') told.info('the key device answers again')
    else told.error('the key device is lost: handshakes that need it are refused', { reason: availability.reason })
  })
  return provider
}

function missingFields({ identity, missing }: KeyInfo): Readonly<Record<string, unknown>> {
  return { key: identity.keyName, owner: identity.applicationIdentity, reason: missing }
}
