import { setTimeout as sleep } from 'node:timers/promises'
import { version } from '../../native/index.js'
import { stuckDeviceCalls, type Provider } from '../../parsec-core/index.js'
import type { ReloadAnswer } from '../admin/admin-protocol.js'
import type { ConfigStatus, Status } from '../admin/status.js'
import { type Config, formatAddress } from '../config/index.js'
import { answerKeyRequest } from '../keys/answer-key-request.js'
import { keyProviderStatus } from '../keys/key-provider-status.js'
import { errorText, type Logger } from '../log/logger.js'
import { ConnectionAudit } from '../tunnel/connection-audit.js'
import { assemble, type Assembly, type AssemblyContext, emptyAssembly, identityOf } from './assembly.js'
import { type Parts, retiredParts } from './parts.js'
import { faultLines } from './fault-lines.js'
import { finishedWithin } from './finished-within.js'
import { handshakeBoundMs } from '../tunnel/handshake-bound.js'
import { problemsOf } from './readiness.js'
import { Undo } from './undo.js'
import { type ProgramRun, Workload } from './workload.js'

/** A new identity must be usable this soon, or the reload that wants it changes nothing. */
const reloadPatienceMs = 10_000
/** For what is left to end when the connections took all of the time there was. */
const lastMomentMs = 1000

export interface SidecarOptions {
  readonly log: Logger
  /** Reads and checks the file again; throws `ConfigError`. */
  readonly loadConfig: () => Promise<Config>
  readonly lostLogLines: () => number
  /** How the program of the configuration is run. */
  readonly program?: ProgramRun
}

/** Everything of one process: made from a configuration, changed by another, ended in order. */
export class Sidecar {
  readonly #options: SidecarOptions
  readonly #context: AssemblyContext
  readonly #workload: Workload
  readonly #startedAt = new Date()
  readonly #ending = new AbortController()
  readonly #failure = new AbortController()
  readonly #retiring = new Set<Promise<unknown>>()
  #running: Assembly
  #assembled = false
  #loadedAt = new Date()
  #reloads = 0
  #lastReload: ConfigStatus['lastReload']
  #reloading: Promise<unknown> = Promise.resolve()

  private constructor(config: Config, options: SidecarOptions) {
    this.#options = options
    this.#running = emptyAssembly(config)
    this.#workload = new Workload({
      log: options.log,
      isReady: () => this.#isReady(),
      program: options.program ?? {},
    })
    this.#context = {
      log: options.log,
      audit: new ConnectionAudit(options.log),
      actions: {
        status: () => this.review(),
        reload: () => this.reload(),
        keys: (request) => answerKeyRequest(this.#providers(), request, { running: true }),
      },
      metrics: {
        status: () => this.status(),
        review: () => this.review(),
        tunnels: () => [...this.#running.tunnels.values()],
      },
      workload: this.#workload,
      handshakeBoundMs: (identity) => handshakeBoundMs(this.#running.config, identity),
    }
  }

  /** Starts every part. Tunnels listen once their identity is usable. Throws when a part cannot start; nothing is left. */
  static async start(config: Config, options: SidecarOptions): Promise<Sidecar> {
    const sidecar = new Sidecar(config, options)
    const undo = new Undo()
    try {
      sidecar.#running = await assemble(config, sidecar.#running, sidecar.#context, undo)
      sidecar.#assembled = true
    } catch (error) {
      await undo.run()
      throw error
    }
    await sidecar.#workload.take(sidecar.#running.workload, config, sidecar.#running.identities)
    for (const tunnel of sidecar.#running.tunnels.values()) {
      tunnel.open(sidecar.#ending.signal).catch((error: unknown) => {
        if (!sidecar.#ending.signal.aborted) sidecar.#failure.abort(error)
      })
    }
    return sidecar
  }

  /** Fires when the process cannot do its work any more; the reason is the error. */
  get failure(): AbortSignal {
    return this.#failure.signal
  }

  /** Resolves when every identity is usable; rejects when the signal fires. */
  async identitiesReady(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#running.identities.values()].map((part) => part.value.ready(signal)))
  }

  /** Passes a signal on to the program. */
  forward(signal: NodeJS.Signals): void {
    this.#workload.forward(signal)
  }

  /** Resolves when every output is on disk, whole; rejects when the signal fires. */
  async outputsPlaced(signal: AbortSignal): Promise<void> {
    await this.#workload.outputsPlaced(signal)
  }

  /** The status after a look at the files on disk. */
  async review(): Promise<Status> {
    await this.#workload.review()
    return this.status()
  }

  status(): Status {
    const running = this.#running
    const identities = [...running.identities.values()].map((part) => part.value.status())
    const tunnels = [...running.tunnels.values()].map((tunnel) => tunnel.status())
    const keyProviders = this.#providers().map(keyProviderStatus)
    // The admin socket answers before the last part is there: nothing is wrong yet then, and nothing is ready.
    const problems = this.#assembled
      ? [...problemsOf(identities, tunnels, keyProviders), ...this.#workload.problems()]
      : ['the process is starting']
    return {
      version,
      pid: process.pid,
      startedAt: this.#startedAt.toISOString(),
      config: {
        path: running.config.path,
        loadedAt: this.#loadedAt.toISOString(),
        reloads: this.#reloads,
        lastReload: this.#lastReload,
      },
      ready: problems.length === 0,
      problems,
      identities,
      tunnels,
      authorities: [...running.authorities.values()].map((part) => part.value.status()),
      keyProviders,
      ...this.#workload.status(),
      log: { lostLines: this.#options.lostLogLines() },
    }
  }

  /** Takes the file's new content over, or nothing of it. One reload at a time, in the order asked for. */
  reload(): Promise<ReloadAnswer> {
    const answer = this.#reloading.then(() => this.#reloadNow())
    this.#reloading = answer
    return answer
  }

  /**
   * Stops accepting, lets connections end within the configured time, then ends every part. Answers what did not end in
   * that time, a call into a device's library mostly: nothing but the end of the process ends it.
   */
  async shutdown(): Promise<readonly string[]> {
    this.#ending.abort(new Error('shutting down'))
    await this.#reloading
    const { tunnels, config } = this.#running
    const deadline = Date.now() + config.shutdownTimeoutMs
    await Promise.all([
      this.#workload.stopProgram(),
      ...[...tunnels.values()].map((tunnel) => tunnel.drain(config.shutdownTimeoutMs)),
      ...this.#retiring,
    ])
    const inTime = await finishedWithin(this.#closeParts(), Math.max(lastMomentMs, deadline - Date.now()))
    const stuck = stuckDeviceCalls()
    return inTime || stuck.length > 0 ? stuck : ['a key provider']
  }

  async #closeParts(): Promise<void> {
    const { identities, authorities, admin, metrics, providers } = this.#running
    const closeAll = (parts: Parts<unknown, { close(): Promise<void> }>) =>
      Promise.allSettled([...parts.values()].map((part) => part.value.close()))
    await this.#workload.close()
    await closeAll(identities)
    await Promise.all([closeAll(authorities), closeAll(admin), closeAll(metrics)])
    await closeAll(providers)
    this.#context.audit.close()
  }

  #providers(): readonly Provider[] {
    return [...this.#running.providers.values()].map((part) => part.value)
  }

  async #isReady(): Promise<boolean> {
    return (await this.review()).ready
  }

  async #reloadNow(): Promise<ReloadAnswer> {
    const { log } = this.#options
    try {
      if (this.#ending.signal.aborted) throw new Error('the process is shutting down')
      const config = await this.#options.loadConfig()
      await this.#change(config)
      this.#loadedAt = new Date()
      this.#reloads += 1
      this.#lastReload = { at: this.#loadedAt.toISOString(), succeeded: true, faults: [] }
      log.info('configuration reloaded', { path: config.path })
      return { succeeded: true, faults: [] }
    } catch (error) {
      const faults = faultLines(error)
      this.#lastReload = { at: new Date().toISOString(), succeeded: false, faults }
      for (const fault of faults) log.error(`reload: ${fault}`)
      log.error('the reload was refused and changed nothing')
      return { succeeded: false, faults }
    }
  }

  async #change(config: Config): Promise<void> {
    const before = this.#running
    const undo = new Undo()
    let next: Assembly
    try {
      next = await assemble(config, before, this.#context, undo)
      await this.#openNew(before, next)
      for (const { value } of before.authorities.values()) await value.reload()
    } catch (error) {
      await undo.run()
      throw error
    }
    this.#reconfigure(before, next)
    this.#running = next
    await this.#workload.take(next.workload, config, next.identities)
    this.#retire(before, next)
  }

  async #openNew(before: Assembly, next: Assembly): Promise<void> {
    const patience = AbortSignal.any([AbortSignal.timeout(reloadPatienceMs), this.#ending.signal])
    const newIdentities = [...next.identities].filter(([name, part]) => before.identities.get(name) !== part)
    await Promise.all(
      newIdentities.map(([name, part]) =>
        part.value.ready(patience).catch((cause: unknown) => {
          const advice = part.value.status().problem?.advice
          throw new Error(`identity "${name}" is not usable within 10s${advice === undefined ? '' : `: ${advice}`}`, {
            cause,
          })
        }),
      ),
    )
    for (const [address, tunnel] of next.tunnels) if (!before.tunnels.has(address)) await tunnel.open(patience)
  }

  /** From here on nothing can fail: each tunnel swaps its snapshot. */
  #reconfigure(before: Assembly, next: Assembly): void {
    for (const config of next.config.tunnels) {
      const address = formatAddress(config.listen)
      const tunnel = before.tunnels.get(address)
      const identity = identityOf(next.identities, config.identity)
      if (tunnel === undefined || tunnel.isConfiguredAs(config, identity)) continue
      tunnel.reconfigure(config, identity)
    }
  }

  #retire(before: Assembly, next: Assembly): void {
    const drained = [...before.tunnels]
      .filter(([address]) => !next.tunnels.has(address))
      .map(([, tunnel]) => tunnel.drain(before.config.shutdownTimeoutMs))
    // A tunnel that stays has handshakes that still need the key of an identity it no longer has.
    const handshakes = retiredParts(before.identities, next.identities).map(({ config }) =>
      pause(handshakeBoundMs(before.config, config.name), this.#ending.signal),
    )
    const closed = Promise.allSettled([...drained, ...handshakes])
      .then(() => closeRetired(before, next))
      .catch((error: unknown) => this.#options.log.error('a part did not end well', { error: errorText(error) }))
    this.#retiring.add(closed)
    void closed.finally(() => this.#retiring.delete(closed))
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  // Ends early, by rejecting, when the process ends: then all tunnels are drained before any key is destroyed.
  await sleep(milliseconds, undefined, { signal, ref: false })
}

async function closeRetired(before: Assembly, next: Assembly): Promise<void> {
  const retired = [
    ...retiredParts(before.admin, next.admin),
    ...retiredParts(before.metrics, next.metrics),
    ...retiredParts(before.identities, next.identities),
    ...retiredParts(before.authorities, next.authorities),
  ]
  await Promise.allSettled(retired.map((part) => part.close()))
  await Promise.allSettled(retiredParts(before.providers, next.providers).map((provider) => provider.close()))
}
