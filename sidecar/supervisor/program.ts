import { isDeepStrictEqual } from 'node:util'
import type { ProcessConfig } from '../config/index.js'
import type { Logger } from '../log/logger.js'
import type { ProcessStatus } from '../processes/process-status.js'
import { SupervisedProcess, type SupervisedProcessOptions } from '../processes/supervised-process.js'

/** Outputs that change together are one change to the program, which is told after the last of them. */
const settleMs = 50

export interface ProgramOptions {
  readonly log: Logger
  /** Whether everything the program begins with is there. */
  readonly mayStart: () => boolean
  /** How it is run; in its own process group unless said otherwise. */
  readonly run?: Pick<SupervisedProcessOptions, 'ownGroup' | 'onEnd'>
}

/** The program of the running configuration: started when everything is in place, told of new files, replaced at a reload. */
export class Program {
  readonly #options: ProgramOptions
  #process: SupervisedProcess | undefined
  #env: NodeJS.ProcessEnv = {}
  #settling: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: ProgramOptions) {
    this.#options = options
  }

  /** Makes it the program `config` names; one that is unchanged goes on. `env` is added to our own environment. */
  async use(config: ProcessConfig | undefined, env: NodeJS.ProcessEnv): Promise<void> {
    if (this.#isClosed) return
    if (isDeepStrictEqual(this.#process?.config, config) && isDeepStrictEqual(this.#env, env)) return
    const before = this.#process
    this.#env = env
    this.#process = undefined
    await before?.stop()
    if (config === undefined || this.#isClosed) return
    const { log, run } = this.#options
    this.#process = new SupervisedProcess(config, { log, env: { ...process.env, ...env }, ...run })
    this.look()
  }

  /** Starts it if everything is there by now. */
  look(): void {
    if (!this.#isClosed && this.#options.mayStart()) this.#process?.start()
  }

  /** Files changed. */
  filesChanged(): void {
    clearTimeout(this.#settling)
    this.#settling = setTimeout(() => {
      if (this.#isClosed) return
      this.#process?.renew()
      this.look()
    }, settleMs)
  }

  forward(signal: NodeJS.Signals): void {
    this.#process?.forward(signal)
  }

  status(): ProcessStatus | undefined {
    return this.#process?.status()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#settling)
    await this.#process?.stop()
  }
}
