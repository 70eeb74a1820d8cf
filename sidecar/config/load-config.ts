import { open } from 'node:fs/promises'
import { ConfigError, Faults, formatFaults } from './faults.js'
import { decodeSource, maxFileBytes } from './hcl/index.js'
import type { Config } from './model.js'
import { parseConfig, type ParseOptions } from './parse-config.js'

export type LoadOptions = Omit<ParseOptions, 'path'>

/**
 * Reads and parses a configuration file.
 *
 * @throws {ConfigError} `ERR_CONFIG_UNREADABLE` with the system's error as cause, `ERR_CONFIG_INVALID` with every fault
 */
export async function loadConfig(path: string, options: LoadOptions): Promise<Config> {
  return parseConfig(await loadSource(path), { ...options, path })
}

/** The text of a file, within the bounds of a configuration. Throws as `loadConfig` does. */
export async function loadSource(path: string): Promise<string> {
  const faults = new Faults()
  const text = decodeSource(await readBounded(path), faults)
  if (text === undefined) throw new ConfigError('ERR_CONFIG_INVALID', path, faults.sorted())
  return text
}

/** Reads at most one byte more than allowed, whatever the path leads to. */
async function readBounded(path: string): Promise<Buffer> {
  try {
    await using file = await open(path, 'r')
    const chunks: Buffer[] = []
    let length = 0
    while (length <= maxFileBytes) {
      const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(64 * 1024), position: null })
      if (bytesRead === 0) break
      chunks.push(buffer.subarray(0, bytesRead))
      length += bytesRead
    }
    return Buffer.concat(chunks)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const fault = { line: 0, column: 0, message: `cannot be read: ${reason}` }
    throw new ConfigError('ERR_CONFIG_UNREADABLE', path, [fault], { cause: error })
  }
}

/** What `svidecar validate` says of a file: a line for each fault, or for each warning when it has none. */
export interface Validation {
  readonly ok: boolean
  readonly lines: readonly string[]
}

/** Checks a file without starting, opening or contacting anything it names. */
export async function validateConfig(path: string, options: LoadOptions): Promise<Validation> {
  try {
    const { warnings } = await loadConfig(path, options)
    const marked = warnings.map((warning) => ({ ...warning, message: `warning: ${warning.message}` }))
    return { ok: true, lines: formatFaults(path, marked) }
  } catch (error) {
    if (error instanceof ConfigError) return { ok: false, lines: formatFaults(path, error.faults) }
    throw error
  }
}
