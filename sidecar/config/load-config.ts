import { loadSource } from './load-source.js'
import type { Config } from './model.js'
import { parseConfig, type ParseOptions } from './parse-config.js'
import { loadRegistrationFile } from './registration-file.js'

export type LoadOptions = Omit<ParseOptions, 'path'>

/**
 * Reads and parses a configuration file.
 *
 * @throws {ConfigError} `ERR_CONFIG_UNREADABLE` with the system's error as cause, `ERR_CONFIG_INVALID` with every fault
 */
export async function loadConfig(path: string, options: LoadOptions): Promise<Config> {
  return parseConfig(await loadSource(path), { ...options, path })
}

/**
 * What `svidecar validate` checks: the file, and the registration file of each authority in it. Starts nothing and
 * contacts nobody. Throws as `loadConfig` does, with the path of the file the faults are in.
 */
export async function validateConfig(path: string, options: LoadOptions): Promise<Config> {
  const config = await loadConfig(path, options)
  for (const { registrationFile, trustDomain } of config.authorities) {
    if (registrationFile !== undefined) await loadRegistrationFile(registrationFile, { ...options, trustDomain })
  }
  return config
}
