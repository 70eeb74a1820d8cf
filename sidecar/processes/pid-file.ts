import { open } from 'node:fs/promises'
import { systemCode } from '../outputs/errors.js'
import { findProcess, type StartedProcess } from './process-start.js'

export type PidFileErrorCode = 'ERR_PID_FILE_MISSING' | 'ERR_PID_FILE_INVALID' | 'ERR_PID_FILE_FOREIGN_PROCESS'

/** A pid file that names no process to be signalled; the text says why. */
export class PidFileError extends Error {
  override readonly name = 'PidFileError'
  readonly code: PidFileErrorCode

  constructor(code: PidFileErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** A number and a line break; a larger file is none. */
const maxBytes = 64
/** The times of processes are known to about a second. */
const slackMs = 2000

/**
 * The process a pid file names. A process that started after the file was written is not who wrote it: the number was
 * given to another one, which may not know the signal and would die of it. Throws `PidFileError`.
 */
export async function readPidFile(path: string): Promise<StartedProcess> {
  const { pid, writtenAt } = await readNumber(path)
  const found = await findProcess(pid)
  if (found === undefined) throw new PidFileError('ERR_PID_FILE_FOREIGN_PROCESS', `there is no process ${pid}`)
  if (found.startedAt.getTime() > writtenAt.getTime() + slackMs) {
    throw new PidFileError(
      'ERR_PID_FILE_FOREIGN_PROCESS',
      `process ${pid} started ${found.startedAt.toISOString()}, after the file was written (${writtenAt.toISOString()}): it is another one`,
    )
  }
  return found
}

async function readNumber(path: string): Promise<{ readonly pid: number; readonly writtenAt: Date }> {
  try {
    await using file = await open(path, 'r')
    const { mtime } = await file.stat()
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(maxBytes), position: 0 })
    const text = buffer.subarray(0, bytesRead).toString('latin1').trim()
    // Never 0 or a negative number, which name groups; nor ourselves.
    const pid = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined
    if (pid === undefined || pid === process.pid) {
      throw new PidFileError('ERR_PID_FILE_INVALID', 'it holds no number of another process')
    }
    return { pid, writtenAt: mtime }
  } catch (error) {
    if (error instanceof PidFileError) throw error
    if (systemCode(error) === undefined) throw error
    throw new PidFileError('ERR_PID_FILE_MISSING', 'it is not there or cannot be read', { cause: error })
  }
}
