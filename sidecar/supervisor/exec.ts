import { constants } from 'node:os'
import { exitCodes } from '../cli/exit-code.js'
import type { Config } from '../config/index.js'
import { errorText, type Logger } from '../log/logger.js'
import type { ChildExit } from '../processes/child.js'
import { systemCode } from '../outputs/errors.js'
import { faultLines } from './fault-lines.js'
import { beginProcess } from './run.js'
import { Sidecar } from './sidecar.js'

export interface ExecOptions {
  readonly log: Logger
  readonly loadConfig: () => Promise<Config>
  readonly lostLogLines: () => number
  /** How long the program waits for its identities and files, in milliseconds. */
  readonly waitMs: number
  /** What the program finds in its environment beside ours. */
  readonly env: NodeJS.ProcessEnv
}

/** What a program may want of its own; the rest has a meaning for a terminal or cannot be caught. */
const forwarded = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT'] as const
/** What env(1) and shells say of a program that is not there, and of one that cannot be run. */
const notFound = 127
const notExecutable = 126

/**
 * Runs the program of `config.process` when every identity is usable and every file written, passes signals on to it, and
 * gives its exit status: 128 and the number of the signal that ended it.
 */
export async function exec(config: Config, options: ExecOptions): Promise<number> {
  const { log } = options
  beginProcess(config, log)
  // At a terminal the program stays in our group: another one would be stopped when it reads what is typed.
  const ownGroup = !process.stdin.isTTY
  let onEnd: (exit: ChildExit) => void = () => undefined
  const ended = new Promise<ChildExit>((resolve) => {
    onEnd = resolve
  })
  const patience = new AbortController()
  try {
    const program = { ownGroup, env: options.env, onEnd }
    const { loadConfig, lostLogLines } = options
    const sidecar = await Sidecar.start(config, { log, loadConfig, lostLogLines, program })
    const forwarding = new Forwarding(sidecar, patience, ownGroup)
    try {
      return await untilEnd(sidecar, ended, patience.signal, options)
    } finally {
      await sidecar.shutdown()
      forwarding.close()
    }
  } catch (error) {
    for (const fault of faultLines(error)) log.error(`cannot start: ${fault}`)
    return exitCodes.fault
  }
}

async function untilEnd(
  sidecar: Sidecar,
  ended: Promise<ChildExit>,
  stopped: AbortSignal,
  { log, waitMs }: ExecOptions,
): Promise<number> {
  const patience = AbortSignal.any([stopped, sidecar.failure, AbortSignal.timeout(waitMs)])
  try {
    await Promise.race([sidecar.identitiesReady(patience), ended])
    await Promise.race([sidecar.outputsPlaced(patience), ended])
  } catch (error) {
    log.error('the program was not started', { problems: sidecar.status().problems, error: errorText(error) })
    const isMissing = sidecar.status().identities.some(({ state }) => state !== 'valid')
    return isMissing && !sidecar.failure.aborted ? exitCodes.noIdentity : exitCodes.fault
  }
  const failed = new Promise<undefined>((resolve) => {
    sidecar.failure.addEventListener('abort', () => resolve(undefined), { once: true })
  })
  const exit = await Promise.race([ended, failed])
  if (exit !== undefined) return statusOf(exit)
  log.error('cannot go on', { error: errorText(sidecar.failure.reason) })
  return exitCodes.fault
}

function statusOf(exit: ChildExit): number {
  if (exit.error !== undefined) return systemCode(exit.error) === 'ENOENT' ? notFound : notExecutable
  return exit.signal === undefined ? exit.code : 128 + constants.signals[exit.signal]
}

/** Our signals on their way to the program; before it runs, a stop signal ends the wait for it. */
class Forwarding {
  readonly #handlers: readonly (readonly [NodeJS.Signals, () => void])[]

  constructor(sidecar: Sidecar, patience: AbortController, ownGroup: boolean) {
    this.#handlers = forwarded.map((name) => [name, () => this.#pass(name, sidecar, patience, ownGroup)] as const)
    for (const [name, handler] of this.#handlers) process.on(name, handler)
  }

  close(): void {
    for (const [name, handler] of this.#handlers) process.removeListener(name, handler)
  }

  #pass(name: NodeJS.Signals, sidecar: Sidecar, patience: AbortController, ownGroup: boolean): void {
    const isRunning = sidecar.status().process?.state === 'running'
    if (!isRunning) {
      if (name === 'SIGTERM' || name === 'SIGINT') patience.abort(new Error(`stopped by ${name}`))
      return
    }
    // What is typed at the terminal reaches everybody in the group without us.
    if (!ownGroup && (name === 'SIGINT' || name === 'SIGQUIT' || name === 'SIGWINCH')) return
    sidecar.forward(name)
  }
}
