import { createReadStream } from 'node:fs'
import { InspectError } from './inspect-error.js'

const sizeLimitBytes = 1024 * 1024

/** What is read in the place of a file. */
export const standardInput = '-'

/** How messages call what was read. */
export function nameOf(path: string): string {
  return path === standardInput ? 'the standard input' : `"${path}"`
}

/** The bytes of a file, or of the standard input for `-`. Throws `InspectError` for more than 1 MiB. */
export async function readContent(path: string): Promise<Buffer> {
  const stream = path === standardInput ? process.stdin : createReadStream(path)
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > sizeLimitBytes) throw new InspectError(`${nameOf(path)} is larger than 1 MiB`)
      chunks.push(chunk)
    }
  } catch (error) {
    throw error instanceof InspectError ? error : new InspectError(`cannot read ${nameOf(path)}`, { cause: error })
  }
  return Buffer.concat(chunks)
}
