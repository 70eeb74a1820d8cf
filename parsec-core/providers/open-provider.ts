import type { ConfigTable, Provider, ProviderSettings } from '../provider.js'
import { providerFactories } from './index.js'

/**
 * Opens a provider from the settings an earlier `configure` gave, which are the keys of its block as plain data.
 * `{}` is a block with every default. Throws `TypeError` for a type or settings `configure` would have refused.
 */
export async function openProvider(config: {
  readonly name: string
  readonly type: string
  readonly settings: ProviderSettings
}): Promise<Provider> {
  const factory = providerFactories.find(({ type }) => type === config.type)
  if (!factory) throw new TypeError(`there is no provider of type "${config.type}"`)
  return factory.configure(new SettingsTable(config.settings)).open({ name: config.name })
}

/** Settings read back as if they were the block; they were checked when they came from it. */
class SettingsTable implements ConfigTable {
  readonly #settings: ProviderSettings

  constructor(settings: ProviderSettings) {
    this.#settings = settings
  }

  string(key: string): string | undefined {
    const value = this.#settings[key]
    return typeof value === 'string' ? value : undefined
  }

  integer(key: string): number | undefined {
    const value = this.#settings[key]
    return typeof value === 'number' ? value : undefined
  }

  boolean(key: string): boolean | undefined {
    const value = this.#settings[key]
    return typeof value === 'boolean' ? value : undefined
  }

  durationMs(key: string): number | undefined {
    return this.integer(key)
  }

  fault(key: string, message: string): never {
    throw new TypeError(`${key}: ${message}`)
  }
}
