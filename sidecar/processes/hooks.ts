import { setTimeout as sleep } from 'node:timers/promises'
import type { HookConfig } from '../config/output-model.js'
import type { Logger } from '../log/logger.js'
import { Child, describeExit } from './child.js'

/** Between two attempts of one hook. */
const retryPauseMs = 1000

export interface HookRun {
  readonly log: Logger
  /** Names the output and its directory to the program. */
  readonly env: NodeJS.ProcessEnv
  /** Ends what runs and begins nothing more. */
  readonly signal: AbortSignal
  readonly retryPauseMs?: number
}

/**
 * Runs the hooks one after the other. The first that fails for good ends it: a later one may build on what it makes.
 * Returns what went wrong, undefined when nothing did.
 */
export async function runHooks(hooks: readonly HookConfig[], run: HookRun): Promise<string | undefined> {
  for (const hook of hooks) {
    const problem = await runWithRetries(hook, run)
    if (run.signal.aborted) return undefined
    if (problem === undefined) continue
    run.log.error('a hook failed, those after it were not run', { program: hook.command[0], problem })
    return `hook "${hook.command[0]}": ${problem}`
  }
  return undefined
}

async function runWithRetries(hook: HookConfig, run: HookRun): Promise<string | undefined> {
  for (let attempt = 0; ; attempt += 1) {
    const problem = await runOnce(hook, run)
    if (problem === undefined || attempt >= hook.retries || run.signal.aborted) return problem
    run.log.warn('a hook failed and is run again', { program: hook.command[0], problem })
    await sleep(run.retryPauseMs ?? retryPauseMs, undefined, { signal: run.signal }).catch(() => undefined)
  }
}

async function runOnce({ command, timeoutMs }: HookConfig, { env, signal }: HookRun): Promise<string | undefined> {
  const child = new Child({ command, env })
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  const end = () => void child.stop(0)
  deadline.addEventListener('abort', end, { once: true })
  if (deadline.aborted) end()
  const exit = await child.exited
  deadline.removeEventListener('abort', end)
  // What it started and left behind is not waited for by anybody.
  await child.stop(0)
  if (deadline.aborted && !signal.aborted) return `it did not end within ${timeoutMs} ms`
  return exit.code === 0 ? undefined : describeExit(exit)
}
