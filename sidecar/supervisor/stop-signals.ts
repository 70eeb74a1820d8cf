import { stuckDeviceCalls } from '../../parsec-core/index.js'
import type { Logger } from '../log/logger.js'

const stopSignals = ['SIGTERM', 'SIGINT'] as const
/** What a shell reports of a process that a signal ended. */
const statusOfSignal: Readonly<Record<string, number>> = { SIGTERM: 143, SIGINT: 130 }

/** The signals of the process: the first stop signal asks for an orderly end, the second one takes it. */
export class StopSignals {
  readonly #stop = new AbortController()
  readonly #log: Logger
  readonly #onStop = (name: NodeJS.Signals) => this.#stopAsked(name)
  #onReload: (() => void) | undefined

  constructor(log: Logger) {
    this.#log = log
    for (const name of stopSignals) process.on(name, this.#onStop)
  }

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** Calls `reload` at each SIGHUP. */
  onReload(reload: () => void): void {
    this.#onReload = reload
    process.on('SIGHUP', reload)
  }

  close(): void {
    for (const name of stopSignals) process.removeListener(name, this.#onStop)
    if (this.#onReload !== undefined) process.removeListener('SIGHUP', this.#onReload)
  }

  #stopAsked(name: NodeJS.Signals): void {
    if (this.#stop.signal.aborted) endAtOnce(name)
    this.#log.info('stopping: connections may end within shutdown_timeout', { signal: name })
    this.#stop.abort(new Error(`stopped by ${name}`))
  }
}

/** Node's exit waits for a call that a device's library does not return from; a kill does not. */
function endAtOnce(name: NodeJS.Signals): void {
  if (stuckDeviceCalls().length > 0) process.kill(process.pid, 'SIGKILL')
  process.exit(statusOfSignal[name])
}
