import { Backoff } from '../clock/backoff.js'
import type { ProcessConfig } from '../config/output-model.js'
import { errorText, type Logger } from '../log/logger.js'
import { Child, type ChildExit, describeExit } from './child.js'
import type { ProcessState, ProcessStatus } from './process-status.js'

const firstPauseMs = 1000
const lastPauseMs = 60_000
/** A program that ran this long did not end at once: the next pause is a short one again. */
const stableMs = 60_000
/** A program just started may not have its handler yet, and the signal would end it: it is sent after this time. */
const handlerMs = 1000

export interface SupervisedProcessOptions {
  readonly log: Logger
  readonly env?: NodeJS.ProcessEnv
  /** False: it stays in our process group and at our terminal. */
  readonly ownGroup?: boolean
  /** Told of every end that was not asked for; must not throw. */
  readonly onEnd?: (exit: ChildExit) => void
  readonly pauses?: { readonly firstMs: number; readonly lastMs: number }
}

/** The program `cmd` names: started with the first files, told of new ones, started again as `cmd_restart` says. */
export class SupervisedProcess {
  readonly config: ProcessConfig
  readonly #log: Logger
  readonly #options: SupervisedProcessOptions
  readonly #backoff: Backoff
  #child: Child | undefined
  #state: ProcessState = 'waiting'
  #startedAt: Date | undefined
  #starts = 0
  #lastExit: ProcessStatus['lastExit']
  #signalsTried = 0
  #signalsFailed = 0
  #problem: string | undefined
  #pause: NodeJS.Timeout | undefined
  #lateSignal: NodeJS.Timeout | undefined

  constructor(config: ProcessConfig, options: SupervisedProcessOptions) {
    const { log, pauses } = options
    this.config = config
    this.#log = log.with({ program: config.command[0] })
    this.#options = options
    this.#backoff = new Backoff(pauses?.firstMs ?? firstPauseMs, pauses?.lastMs ?? lastPauseMs)
  }

  /** Starts it for the first time; later calls do nothing. */
  start(): void {
    if (this.#state === 'waiting') this.#start()
  }

  /** The files changed: a running program is signalled, one that ended is started again, as spiffe-helper does. */
  renew(): void {
    if (this.#state === 'exited') this.#start()
    else if (this.#state === 'running') this.#signal()
  }

  /** Ends it and all it started; it is not started again. */
  async stop(): Promise<void> {
    clearTimeout(this.#pause)
    clearTimeout(this.#lateSignal)
    const child = this.#child
    this.#state = 'stopped'
    await child?.stop(this.config.stopTimeoutMs)
  }

  /** Passes a signal of ours on. False when it does not run. */
  forward(signal: NodeJS.Signals): boolean {
    return this.#child?.signal(signal) === true
  }

  status(): ProcessStatus {
    return {
      program: this.config.command[0] ?? '',
      state: this.#state,
      pid: this.#state === 'running' ? this.#child?.pid : undefined,
      startedAt: this.#startedAt?.toISOString(),
      restarts: Math.max(0, this.#starts - 1),
      lastExit: this.#lastExit,
      signalsTried: this.#signalsTried,
      signalsFailed: this.#signalsFailed,
      problem: this.#problem,
    }
  }

  #start(): void {
    const { env, ownGroup = true } = this.#options
    const child = new Child({ command: this.config.command, input: 'inherit', ownGroup, ...(env && { env }) })
    this.#child = child
    this.#state = 'running'
    this.#startedAt = new Date()
    this.#starts += 1
    if (child.pid !== undefined) this.#log.info('program started', { pid: child.pid })
    child.exited
      .then((exit) => this.#ended(child, exit))
      .catch((error: unknown) => this.#log.error('the end of the program was not handled', { error: errorText(error) }))
  }

  async #ended(child: Child, exit: ChildExit): Promise<void> {
    const isFailure = exit.code !== 0
    const ranMs = Date.now() - (this.#startedAt?.getTime() ?? 0)
    this.#lastExit = { at: new Date().toISOString(), code: exit.code, signal: exit.signal }
    if (this.#state === 'stopped') return
    this.#options.onEnd?.(exit)
    const isRestarted = this.config.restart === 'always' || (this.config.restart === 'on-failure' && isFailure)
    // Set before anything is waited for: a renewal that comes meanwhile must not start a second one.
    this.#state = 'pausing'
    this.#problem = isFailure || isRestarted ? `"${this.config.command[0]}" ended: ${describeExit(exit)}` : undefined
    if (ranMs >= stableMs) this.#backoff.reset()
    const restartInMs = isRestarted ? this.#backoff.next() : undefined
    this.#log[isFailure ? 'error' : 'info']('program ended', { reason: describeExit(exit), restartInMs })
    // What it left behind must be gone before it is started again, or both would want the same ports.
    await child.stop(this.config.stopTimeoutMs)
    if (this.isStopped) return
    if (restartInMs === undefined) this.#state = 'exited'
    else this.#pause = setTimeout(() => this.#start(), restartInMs)
  }

  /** Asked after a wait, when `stop` may have been called. */
  private get isStopped(): boolean {
    return this.#state === 'stopped'
  }

  #signal(): void {
    const { renewSignal } = this.config
    if (renewSignal === undefined) return
    clearTimeout(this.#lateSignal)
    const tooYoungMs = handlerMs - (Date.now() - (this.#startedAt?.getTime() ?? 0))
    if (tooYoungMs > 0) {
      this.#lateSignal = setTimeout(() => this.renew(), tooYoungMs)
      return
    }
    this.#signalsTried += 1
    if (this.#child?.signal(renewSignal) === true) {
      this.#log.info('program signalled', { signal: renewSignal })
      return
    }
    this.#signalsFailed += 1
    this.#log.warn('the program could not be signalled', { signal: renewSignal })
  }
}
