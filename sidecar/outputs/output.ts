import { join } from 'node:path'
import { Backoff } from '../clock/backoff.js'
import type { OutputConfig } from '../config/output-model.js'
import { errorText, type Logger } from '../log/logger.js'
import { AtomicLayout } from './atomic-layout.js'
import { writeError } from './errors.js'
import { digestOf, type Layout, type OutputFile, type WrittenFile } from './file-set.js'
import { FlatLayout } from './flat-layout.js'
import type { JwtFeed } from './jwt-material.js'
import { assertWritable } from './output-directory.js'
import type { FileStatus, OutputStatus } from './output-status.js'
import { isTrustDomainBundleName } from './file-names.js'
import { jwtNames, planFiles, wantsX509 } from './plan-files.js'
import type { SvidFeed } from './svid-material.js'

export interface OutputDependencies {
  readonly svid: SvidFeed
  /** Undefined for an output without tokens and JWT bundles. */
  readonly jwt: JwtFeed | undefined
  readonly log: Logger
  /** Called after every set that is in place; must not throw. */
  readonly onPlaced: (changed: boolean) => void
}

const firstRetryMs = 1000
const lastRetryMs = 30_000
/** Whoever asks for readiness in a loop costs the disk one look in this time. */
const reviewMs = 1000
/** A write that takes this long hangs: a network file system that went away, say. */
const hangMs = 60_000

/** One output: follows its identity and keeps its files on disk whole, valid and current. */
export class Output {
  readonly config: OutputConfig
  readonly #dependencies: OutputDependencies
  readonly #log: Logger
  readonly #layout: Layout
  readonly #backoff = new Backoff(firstRetryMs, lastRetryMs)
  #unsubscribe: readonly (() => void)[] = []
  #written: readonly WrittenFile[] = []
  #missing: readonly string[]
  #validUntil: Date | undefined
  #lastWrittenAt: Date | undefined
  #rotations = 0
  #writeFailures = 0
  #failure: string | undefined
  #faults: readonly string[] = []
  #reviewedAt = 0
  #review: Promise<void> | undefined
  #wanted = false
  #writingSince: number | undefined
  #writing: Promise<void> = Promise.resolve()
  #retry: NodeJS.Timeout | undefined
  #closed = false

  private constructor(config: OutputConfig, dependencies: OutputDependencies) {
    this.config = config
    this.#dependencies = dependencies
    this.#log = dependencies.log.with({ output: config.name })
    this.#layout = layoutOf(config)
    this.#missing = planFiles(config, undefined, undefined, 0).missing
  }

  /** Writes nothing before `start`. Throws `OutputError` when the directory is missing or not writable. */
  static async open(config: OutputConfig, dependencies: OutputDependencies): Promise<Output> {
    await assertWritable(config.directory)
    return new Output(config, dependencies)
  }

  start(): void {
    const { svid, jwt } = this.#dependencies
    const feeds = [svid, jwt].filter((feed) => feed !== undefined)
    this.#unsubscribe = feeds.map((feed) => feed.onChange(() => this.#request()))
    this.#request()
  }

  /** Whether the files a program needs to begin with are in place: those of X.509 when there are such. */
  get isPlaced(): boolean {
    if (this.#lastWrittenAt === undefined) return false
    if (!wantsX509(this.config)) return this.#missing.length === 0
    return this.#failure === undefined && !this.#missing.some((name) => !jwtNames(this.config).includes(name))
  }

  /** False when a write hangs or what is on disk ran out: nothing that waiting alone will mend. */
  isAlive(now: number = Date.now()): boolean {
    const hangs = this.#writingSince !== undefined && now - this.#writingSince > hangMs
    return !hangs && !this.#isExpired(now)
  }

  /** Looks at the files on disk; what it finds is in the next `status`. */
  async review(): Promise<void> {
    if (this.#review === undefined && Date.now() - this.#reviewedAt < reviewMs) return
    this.#review ??= this.#look().finally(() => (this.#review = undefined))
    await this.#review
  }

  status(now: number = Date.now()): OutputStatus {
    const { name, identity, directory, layout } = this.config
    return {
      name,
      identity,
      directory,
      layout,
      files: this.#written.map((file) => file.name),
      rotations: this.#rotations,
      lastWrittenAt: this.#lastWrittenAt?.toISOString(),
      validUntil: this.#validUntil?.toISOString(),
      writeFailures: this.#writeFailures,
      problems: this.#problems(now),
    }
  }

  /** Every file of the set and of what is still missing of it. */
  fileStatuses(): readonly FileStatus[] {
    const ofJwt = new Set(jwtNames(this.config))
    const statusOf = (name: string, state: FileStatus['state']): FileStatus => ({
      path: join(this.config.directory, name),
      kind: ofJwt.has(name) ? 'jwt' : 'x509',
      state,
    })
    const isWell = this.#failure === undefined && this.#faults.length === 0
    return [
      ...this.#written.map(({ name }) => statusOf(name, isWell ? 'written' : 'failed')),
      ...this.#missing.map((name) => statusOf(name, this.#failure === undefined ? 'unwritten' : 'failed')),
    ]
  }

  /** Waits for the write under way; the files stay. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#retry)
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    await this.#writing
  }

  /** One set after the other, always the newest: what changes while one is written is in the next. */
  #request(): void {
    this.#wanted = true
    if (this.#writingSince !== undefined || this.#closed) return
    this.#writing = this.#writeWanted()
  }

  async #writeWanted(): Promise<void> {
    while (this.#wanted && !this.#closed) {
      this.#wanted = false
      clearTimeout(this.#retry)
      this.#writingSince = Date.now()
      try {
        await this.#write()
      } catch (error) {
        this.#failed(error)
      } finally {
        this.#writingSince = undefined
      }
    }
  }

  async #write(): Promise<void> {
    const { svid, jwt, onPlaced } = this.#dependencies
    const plan = planFiles(this.config, svid.material, jwt?.current, Date.now())
    if (plan.files.length === 0) {
      this.#missing = plan.missing
      return
    }
    const { owner: uid, group: gid } = this.config
    const written = plan.files.map(rememberedOf)
    const changed = await this.#layout.write(plan.files, { uid, gid }).finally(() => wipe(plan.files))
    this.#written = written
    this.#missing = plan.missing
    this.#validUntil = plan.validUntil
    this.#faults = []
    this.#recovered()
    if (changed) {
      this.#rotations += 1
      this.#log.info('files written', { directory: this.config.directory, files: written.map(({ name }) => name) })
    }
    this.#lastWrittenAt = changed ? new Date() : (this.#lastWrittenAt ?? new Date())
    onPlaced(changed)
  }

  #failed(error: unknown): void {
    const failure = errorText(writeError(this.config.directory, error))
    const retryInMs = this.#backoff.next()
    this.#writeFailures += 1
    this.#log.error('files not written; the old ones stay', { error: failure, retryInMs })
    this.#failure = failure
    this.#retry = setTimeout(() => this.#request(), retryInMs)
  }

  #recovered(): void {
    this.#backoff.reset()
    this.#failure = undefined
  }

  async #look(): Promise<void> {
    const looked = this.#written
    try {
      const faults = await this.#layout.findFaults(looked)
      // A set that was switched meanwhile is another one: the next look is at it.
      if (looked === this.#written) this.#faults = faults
    } catch (error) {
      this.#faults = [errorText(writeError(this.config.directory, error))]
    }
    this.#reviewedAt = Date.now()
    if (this.#faults.length > 0 && this.#failure === undefined) this.#request()
  }

  #isExpired(now: number): boolean {
    // As for an SVID (RFC 5280, 4.1.2.5): the last second belongs to the validity.
    return this.#validUntil !== undefined && Math.floor(now / 1000) * 1000 > this.#validUntil.getTime()
  }

  #problems(now: number): readonly string[] {
    const why = this.#dependencies.jwt?.current.problem
    const waiting = this.#missing.map((name) => `"${name}" is not written yet${why === undefined ? '' : `: ${why}`}`)
    const expired = this.#isExpired(now) ? [`what the files hold expired ${this.#validUntil?.toISOString()}`] : []
    return [...(this.#failure === undefined ? [] : [this.#failure]), ...waiting, ...this.#faults, ...expired]
  }
}

function layoutOf(config: OutputConfig): Layout {
  if (config.layout === 'atomic') return new AtomicLayout(config.directory)
  return new FlatLayout(config.directory, config.bundlePerTrustDomain ? isTrustDomainBundleName : undefined)
}

function rememberedOf({ name, content, mode }: OutputFile): WrittenFile {
  return { name, digest: digestOf(content), mode }
}

/** One of them may be a private key. */
function wipe(files: readonly OutputFile[]): void {
  for (const { content } of files) content.fill(0)
}
