import type { Provider } from '../../parsec-core/index.js'
import type { KeyProviderStatus } from '../admin/status.js'

/** What the status says of a provider. */
export function keyProviderStatus(provider: Provider): KeyProviderStatus {
  const { name, type, availability } = provider
  const keys = provider.listKeys()
  const lost = availability.state === 'lost' ? availability : undefined
  return {
    name,
    type,
    state: availability.state,
    lostSince: lost?.since.toISOString(),
    reason: lost?.reason,
    keys: keys.length,
    missingKeys: keys.filter(({ missing }) => missing !== undefined).length,
  }
}
