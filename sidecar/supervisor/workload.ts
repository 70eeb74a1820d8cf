import { resolve } from 'node:path'
import type { Config, HealthConfig } from '../config/index.js'
import { HealthServer } from '../health/health-server.js'
import type { ManagedIdentity } from '../identity/managed-identity.js'
import type { Logger } from '../log/logger.js'
import { OutputPart } from '../outputs/output-part.js'
import type { ProcessStatus } from '../processes/process-status.js'
import { WorkloadEndpoint } from '../workload-endpoint/workload-endpoint.js'
import { nextParts, type Parts } from './parts.js'
import { Program, type ProgramOptions } from './program.js'
import type { Undo } from './undo.js'
import { closeRetiredWorkload, noWorkloadParts, type OutputPartConfig, type WorkloadParts } from './workload-parts.js'

type Identities = Parts<unknown, ManagedIdentity>

export interface WorkloadOptions {
  readonly log: Logger
  /** Readiness of the whole process, looked at anew. */
  readonly isReady: () => Promise<boolean>
  readonly program: ProgramRun
}

/** How the program is run, and what it finds in its environment beside ours. */
export interface ProgramRun extends NonNullable<ProgramOptions['run']> {
  readonly env?: NodeJS.ProcessEnv
}

/** What the sidecar does for the program beside it: files, signals, the program itself, probes, the Workload API. */
export class Workload {
  readonly #log: Logger
  readonly #isReady: () => Promise<boolean>
  readonly #program: Program
  readonly #env: NodeJS.ProcessEnv
  readonly #lookers = new Set<() => void>()
  #parts: WorkloadParts = noWorkloadParts
  #identities: Identities = new Map()
  #unsubscribe: readonly (() => void)[] = []

  constructor({ log, isReady, program: { env = {}, ...run } }: WorkloadOptions) {
    this.#log = log
    this.#isReady = isReady
    this.#env = env
    this.#program = new Program({ log, mayStart: () => this.#isPlaced(), run })
  }

  /** Opens what `config` wants beside what runs. Nothing is written and nobody signalled before `take`. */
  async prepare(config: Config, identities: Identities, undo: Undo): Promise<WorkloadParts> {
    const outputs = await nextParts(
      wantedOutputs(config),
      this.#parts.outputs,
      (part) => this.#openOutput(part, identities),
      undo,
    )
    const wantedEndpoint = new Map(config.workloadApi === undefined ? [] : [['', config.workloadApi]])
    const endpoint = await nextParts(
      wantedEndpoint,
      this.#parts.endpoint,
      (block) => WorkloadEndpoint.open(block, { log: this.#log, identities: () => this.#offered() }),
      undo,
    )
    const health = await nextParts(
      wantedHealth(config),
      this.#parts.health,
      () => this.#openHealth(config.health),
      undo,
    )
    return { outputs, endpoint, health }
  }

  /** Makes what was prepared the running one; what it no longer has is ended before anything new writes. */
  async take(parts: WorkloadParts, config: Config, identities: Identities): Promise<void> {
    const before = this.#parts
    this.#parts = parts
    this.#identities = identities
    await closeRetiredWorkload(before, parts)
    for (const { value } of parts.health.values()) if (config.health !== undefined) value.judgeAt(config.health)
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    this.#unsubscribe = [...identities.values()].map((part) => part.value.onChange(() => this.#identityChanged()))
    this.#identityChanged()
    for (const [name, part] of parts.outputs) if (before.outputs.get(name) !== part) part.value.start()
    await this.#program.use(config.process, { ...environmentOf(config), ...this.#env })
  }

  /** Resolves when every output is on disk, whole; rejects when the signal fires. */
  async outputsPlaced(signal: AbortSignal): Promise<void> {
    const isDone = () => this.#outputs().every((part) => part.isPlaced && part.status().problems.length === 0)
    while (!isDone()) {
      signal.throwIfAborted()
      await new Promise<void>((resolve) => {
        const look = () => {
          this.#lookers.delete(look)
          signal.removeEventListener('abort', look)
          resolve()
        }
        this.#lookers.add(look)
        signal.addEventListener('abort', look, { once: true })
      })
    }
  }

  /** Looks at the files on disk; what it finds is in the next `status`. */
  async review(): Promise<void> {
    await Promise.all(this.#outputs().map((part) => part.review()))
  }

  /** Why the process is not ready, a sentence each. */
  problems(): readonly string[] {
    const outputs = this.#outputs().flatMap((part) => {
      const { name, problems } = part.status()
      return problems.map((problem) => `output "${name}": ${problem}`)
    })
    return [...outputs, ...programProblem(this.#program.status())]
  }

  status() {
    return {
      outputs: this.#outputs().map((part) => part.status()),
      process: this.#program.status(),
      workloadApi: [...this.#parts.endpoint.values()].at(0)?.value.status(),
    }
  }

  /** Passes a signal on to the program. */
  forward(signal: NodeJS.Signals): void {
    this.#program.forward(signal)
  }

  /** Ends the program; the files stay. */
  async stopProgram(): Promise<void> {
    await this.#program.close()
  }

  async close(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    await this.stopProgram()
    await closeRetiredWorkload(this.#parts, noWorkloadParts)
  }

  #outputs(): readonly OutputPart[] {
    return [...this.#parts.outputs.values()].map((part) => part.value)
  }

  async #openOutput({ output, identity }: OutputPartConfig, identities: Identities): Promise<OutputPart> {
    const svid = identities.get(identity.name)?.value
    if (svid === undefined) throw new TypeError(`no identity "${identity.name}"`)
    return OutputPart.open(output, {
      svid,
      address: svid.address,
      log: this.#log,
      onTold: () => this.#told(),
    })
  }

  #openHealth(config: HealthConfig | undefined): Promise<HealthServer> {
    if (config === undefined) throw new TypeError('no health_checks')
    return HealthServer.open(config, {
      isLive: () => this.#isLive(),
      isReady: this.#isReady,
      fileStatuses: () => this.#outputs().flatMap((part) => part.fileStatuses()),
    })
  }

  /** The loop turns, or nobody would ask this; what has an end was renewed before it. */
  #isLive(): boolean {
    const identities = [...this.#identities.values()]
    return (
      identities.every((part) => part.value.state() !== 'expired') && this.#outputs().every((part) => part.isAlive())
    )
  }

  #isPlaced(): boolean {
    const identities = [...this.#identities.values()]
    return identities.every((part) => part.value.state() === 'valid') && this.#outputs().every((part) => part.isPlaced)
  }

  #offered() {
    return [...this.#identities.values()].map((part) => part.value)
  }

  #told(): void {
    this.#program.filesChanged()
    for (const look of this.#lookers) look()
  }

  #identityChanged(): void {
    for (const { value } of this.#parts.endpoint.values()) value.refresh()
    this.#program.look()
  }
}

function wantedOutputs(config: Config): ReadonlyMap<string, OutputPartConfig> {
  return new Map(
    config.outputs.map((output) => {
      const identity = config.identities.find(({ name }) => name === output.identity)
      if (identity === undefined) throw new TypeError(`no identity "${output.identity}"`)
      const keyProvider = config.keyProviders.find(({ name }) => name === identity.keyProvider)
      return [output.name, { output, identity, keyProvider }]
    }),
  )
}

function wantedHealth({ health }: Config): ReadonlyMap<string, Pick<HealthConfig, 'host' | 'port'>> {
  if (health === undefined) return new Map()
  const { host, port } = health
  return new Map([[`${host ?? ''} ${port}`, { host, port }]])
}

/** A program beside a sidecar that serves the Workload API finds it where the standard says. */
function environmentOf({ workloadApi }: Config): NodeJS.ProcessEnv {
  if (workloadApi === undefined) return {}
  return { SPIFFE_ENDPOINT_SOCKET: `unix://${resolve(workloadApi.listen.path)}` }
}

function programProblem(status: ProcessStatus | undefined): readonly string[] {
  if (status?.problem === undefined || status.state === 'running') return []
  return [`program ${status.problem}`]
}
