import type { OutputConfig } from '../config/output-model.js'
import { errorText, type Logger } from '../log/logger.js'
import { runHooks } from './hooks.js'
import { PidFileSignaller, type PidFileStatus } from './pid-file-signaller.js'

export interface AnnouncerStatus {
  readonly hooksRun: number
  readonly hooksFailed: number
  readonly pidFile: PidFileStatus | undefined
  readonly problem: string | undefined
}

/** Tells the world of new files: the hooks in their order, then the process of the pid file, then whoever is next. */
export class Announcer {
  readonly #config: OutputConfig
  readonly #log: Logger
  readonly #onTold: () => void
  readonly #pidFile: PidFileSignaller | undefined
  readonly #ending = new AbortController()
  #wanted = false
  #running: Promise<void> | undefined
  #hooksRun = 0
  #hooksFailed = 0
  #problem: string | undefined

  /** `onTold` is called after the hooks of each change; it must not throw. */
  constructor(config: OutputConfig, log: Logger, onTold: () => void) {
    this.#config = config
    this.#log = log.with({ output: config.name })
    this.#onTold = onTold
    const { pidFileName: path, renewSignal: signal } = config
    if (path !== undefined && signal !== undefined) {
      this.#pidFile = new PidFileSignaller({ path, signal, log: this.#log })
    }
  }

  /** Returns at once. A change that comes while one is told of is told of after it, once. */
  announce(): void {
    this.#wanted = true
    this.#running ??= this.#tell()
      .catch((error: unknown) => this.#log.error('new files were not announced', { error: errorText(error) }))
      .finally(() => {
        this.#running = undefined
        // A change that came after the last look and before this line.
        if (this.#wanted && !this.#ending.signal.aborted) this.announce()
      })
  }

  status(): AnnouncerStatus {
    return {
      hooksRun: this.#hooksRun,
      hooksFailed: this.#hooksFailed,
      pidFile: this.#pidFile?.status(),
      problem: this.#problem ?? this.#pidFile?.status().problem,
    }
  }

  /** Ends hooks that run. */
  async close(): Promise<void> {
    this.#ending.abort()
    await this.#running
    await this.#pidFile?.close()
  }

  async #tell(): Promise<void> {
    const { signal } = this.#ending
    while (this.#wanted && !signal.aborted) {
      this.#wanted = false
      await this.#runHooks(signal)
      if (signal.aborted) return
      // Told even when a hook failed: the files are new, and who holds the old ones should not go on with them.
      this.#pidFile?.notify()
      this.#onTold()
    }
  }

  async #runHooks(signal: AbortSignal): Promise<void> {
    const { onUpdate, name, directory } = this.#config
    if (onUpdate.length === 0) return
    const env = { ...process.env, SVIDECAR_OUTPUT: name, SVIDECAR_OUTPUT_DIR: directory }
    this.#problem = await runHooks(onUpdate, { log: this.#log, env, signal })
    this.#hooksRun += 1
    if (this.#problem !== undefined) this.#hooksFailed += 1
  }
}
