import { setTimeout as sleep } from 'node:timers/promises'
import { errorText, type Logger } from '../log/logger.js'
import { PidFileError, readPidFile } from './pid-file.js'
import { signalProcess } from './live-groups.js'

/** As spiffe-helper: looked at again after 100 ms, then twice as long each time, for 51 s in all. */
const firstPauseMs = 100
const looks = 10

export interface PidFileStatus {
  readonly path: string
  readonly signalsTried: number
  readonly signalsFailed: number
  readonly problem: string | undefined
}

export interface PidFileSignallerOptions {
  readonly path: string
  readonly signal: NodeJS.Signals
  readonly log: Logger
  readonly firstPauseMs?: number
}

/**
 * Signals the process a pid file names, once for each change of the files. The file is looked at for a while: a program
 * that is just starting may have read the old files before it wrote its number, or be replaced by another.
 */
export class PidFileSignaller {
  readonly #options: PidFileSignallerOptions
  readonly #log: Logger
  #round = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #everSeen = false
  #tried = 0
  #failed = 0
  #problem: string | undefined

  constructor(options: PidFileSignallerOptions) {
    this.#options = options
    this.#log = options.log.with({ pidFile: options.path })
  }

  /** Begins anew for newer files. Returns at once. */
  notify(): void {
    this.#round.abort()
    const round = new AbortController()
    this.#round = round
    this.#running = this.#running.then(() => this.#follow(round.signal))
  }

  status(): PidFileStatus {
    return {
      path: this.#options.path,
      signalsTried: this.#tried,
      signalsFailed: this.#failed,
      problem: this.#problem,
    }
  }

  async close(): Promise<void> {
    this.#round.abort()
    await this.#running
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const signalled = new Set<string>()
    let pauseMs = this.#options.firstPauseMs ?? firstPauseMs
    for (let look = 0; look < looks && !signal.aborted; look += 1) {
      await this.#look(signalled)
      await pause(pauseMs, signal)
      pauseMs *= 2
    }
    if (!signal.aborted && signalled.size === 0 && this.#problem !== undefined) {
      this.#log.warn('nobody was signalled', { problem: this.#problem })
    }
  }

  async #look(signalled: Set<string>): Promise<void> {
    try {
      const { pid, startTicks } = await readPidFile(this.#options.path)
      this.#everSeen = true
      const key = `${pid} ${startTicks}`
      if (signalled.has(key)) return
      this.#tried += 1
      if (!signalProcess(pid, this.#options.signal)) {
        throw new PidFileError('ERR_PID_FILE_FOREIGN_PROCESS', `process ${pid} may not be signalled by this user`)
      }
      signalled.add(key)
      this.#problem = undefined
      this.#log.info('process signalled', { pid, signal: this.#options.signal })
    } catch (error) {
      this.#missed(error, signalled.size > 0)
    }
  }

  /** Quiet until the file was seen once: at start the program it is of is often the later one. */
  #missed(error: unknown, alreadySignalled: boolean): void {
    const isMissing = error instanceof PidFileError && error.code === 'ERR_PID_FILE_MISSING'
    if (alreadySignalled || (isMissing && !this.#everSeen)) return
    const problem = `pid file "${this.#options.path}": ${errorText(error)}`
    if (!isMissing && this.#problem !== problem) this.#failed += 1
    this.#problem = problem
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal, ref: false })
  } catch {
    // A newer round began; whoever waits looks at the signal.
  }
}
