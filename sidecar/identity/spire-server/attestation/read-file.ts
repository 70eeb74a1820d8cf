import { open } from 'node:fs/promises'
import { errorText } from '../../../log/logger.js'
import { SpireError, type SpireErrorCode } from '../spire-error.js'

/** A file of an operator, whole; one that is larger than it can honestly be is refused. Throws `SpireError`. */
export async function readSmallFile(path: string, maxBytes: number, code: SpireErrorCode): Promise<Buffer> {
  let file
  try {
    file = await open(path)
    const { bytesRead, buffer } = await file.read(Buffer.alloc(maxBytes + 1), 0, maxBytes + 1, 0)
    if (bytesRead > maxBytes) throw new SpireError(code, `"${path}" has more than ${maxBytes} bytes`)
    return buffer.subarray(0, bytesRead)
  } catch (error) {
    if (error instanceof SpireError) throw error
    throw new SpireError(code, `cannot read "${path}": ${errorText(error)}`, { cause: error })
  } finally {
    await file?.close()
  }
}
