import { disableCoreFiles, nofileLimit, version } from '../../native/index.js'
import { type ExitCode, exitCodes } from '../cli/exit-code.js'
import type { Config } from '../config/index.js'
import { errorText, type Logger } from '../log/logger.js'
import { faultLines } from './fault-lines.js'
import { Sidecar } from './sidecar.js'
import { StopSignals } from './stop-signals.js'

export interface RunOptions {
  /** Reads the configuration again for a reload; throws `ConfigError`. */
  readonly loadConfig: () => Promise<Config>
  readonly log: Logger
  readonly lostLogLines: () => number
  /** How long identities may be missing; undefined: for ever in daemon mode, a minute otherwise. */
  readonly waitMs: number | undefined
  /** Something does not end, a device's library mostly, and Node's exit would wait for it: kill the process. */
  readonly onUnfinished?: () => void
}

const oneShotWaitMs = 60_000

/** Each connection has two sockets; running out stops new connections, so it is said before it happens. */
function warnOfDescriptorShortage(config: Config, log: Logger): void {
  const wanted = 2 * config.tunnels.reduce((sum, tunnel) => sum + tunnel.maxConnections, 0)
  const { soft } = nofileLimit()
  if (wanted > soft) {
    log.warn('the limit of open files is below what max_connections could need; raise it or lower max_connections', {
      limit: soft,
      wanted,
    })
  }
}

/** What a process does before its first part: no key may end in a core file, and what is amiss is said once. */
export function beginProcess(config: Config, log: Logger): void {
  disableCoreFiles()
  for (const { line, column, message } of config.warnings) log.warn(message, { file: config.path, line, column })
  warnOfDescriptorShortage(config, log)
}

/**
 * Runs a configuration until it is told to stop, cannot go on, or (not in daemon mode) has obtained every identity and
 * written every output.
 * Returns the exit status; a second stop signal ends the process at once.
 */
export async function run(config: Config, options: RunOptions): Promise<ExitCode> {
  const { log } = options
  beginProcess(config, log)
  const stop = new StopSignals(log)
  try {
    return await runUntilStopped(config.daemonMode ? config : withoutListeners(config), options, stop)
  } catch (error) {
    for (const fault of faultLines(error)) log.error(`cannot start: ${fault}`)
    return exitCodes.fault
  } finally {
    stop.close()
  }
}

/** One-shot: what the identities need and nothing that listens for others. */
function withoutListeners(config: Config): Config {
  return { ...config, tunnels: [], admin: undefined, metrics: undefined, health: undefined, workloadApi: undefined }
}

async function runUntilStopped(config: Config, options: RunOptions, stop: StopSignals): Promise<ExitCode> {
  const { log } = options
  const sidecar = await Sidecar.start(config, {
    log,
    lostLogLines: options.lostLogLines,
    loadConfig: options.loadConfig,
  })
  log.info('started', { version, pid: process.pid, config: config.path })
  stop.onReload(() => void sidecar.reload())
  try {
    const status = await waitForEnd(sidecar, config.daemonMode, options, stop)
    return status
  } finally {
    const unfinished = await sidecar.shutdown()
    if (unfinished.length > 0) {
      log.error('not everything ends: the process kills itself', { unfinished })
      options.onUnfinished?.()
    }
    log.info('stopped')
  }
}

async function waitForEnd(
  sidecar: Sidecar,
  daemonMode: boolean,
  options: RunOptions,
  stop: StopSignals,
): Promise<ExitCode> {
  const { log } = options
  const waitMs = options.waitMs ?? (daemonMode ? undefined : oneShotWaitMs)
  const patience = AbortSignal.any([
    stop.signal,
    sidecar.failure,
    ...(waitMs === undefined ? [] : [AbortSignal.timeout(waitMs)]),
  ])
  try {
    await sidecar.identitiesReady(patience)
    log.info('every identity is in use')
    if (!daemonMode) await sidecar.outputsPlaced(patience)
  } catch (error) {
    if (stop.signal.aborted) return daemonMode ? exitCodes.success : exitCodes.fault
    const { problems, identities } = sidecar.status()
    const isMissing = identities.some(({ state }) => state !== 'valid')
    log.error(isMissing ? 'an identity is missing' : 'an output is missing', { problems, error: errorText(error) })
    return isMissing && !sidecar.failure.aborted ? exitCodes.noIdentity : exitCodes.fault
  }
  if (!daemonMode) return exitCodes.success
  await aborted(AbortSignal.any([stop.signal, sidecar.failure]))
  if (!sidecar.failure.aborted) return exitCodes.success
  log.error('cannot go on', { error: errorText(sidecar.failure.reason) })
  return exitCodes.fault
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
