import { open } from 'node:fs/promises'
import { ConfigError, Faults } from './faults.js'
import { decodeSource, maxFileBytes } from './hcl/index.js'

/**
 * The text of a file, within the bounds of a configuration.
 *
 * @throws {ConfigError} `ERR_CONFIG_UNREADABLE` with the system's error as cause, `ERR_CONFIG_INVALID` when it is no text
 */
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
