import { WorkloadApiClient, type JwtBundleSet, type SpiffeId } from '../../workload-api/index.js'
import { Alarm } from '../clock/alarm.js'
import { Backoff } from '../clock/backoff.js'
import type { JwtSvidFileConfig } from '../config/output-model.js'
import { errorText, type Logger } from '../log/logger.js'
import type { IssuedJwtSvid, JwtFeed, JwtMaterial } from './jwt-material.js'
import type { SvidFeed } from './svid-material.js'

export interface AgentJwtFeedOptions {
  /** Of the Workload API that issues the identity. */
  readonly address: string
  readonly svids: readonly JwtSvidFileConfig[]
  /** Whether JWT bundles are wanted. */
  readonly bundles: boolean
  /** The tokens are of the same ID as the X.509-SVID. */
  readonly svid: SvidFeed
  readonly log: Logger
}

const firstRetryMs = 1000
const lastRetryMs = 60_000
const fetchTimeoutMs = 15_000
const shortestRenewalMs = 1000

/**
 * Tokens and JWT bundles from the agent: a token is asked for anew at half of its life. What comes is not validated
 * against the bundles: they come from the same agent, which could bend both.
 */
export class AgentJwtFeed implements JwtFeed {
  readonly #options: AgentJwtFeedOptions
  readonly #client: WorkloadApiClient
  readonly #log: Logger
  readonly #stop = new AbortController()
  readonly #alarms = new Set<Alarm>()
  readonly #listeners = new Set<() => void>()
  readonly #unsubscribe: () => void
  readonly #problems = new Map<string, string>()
  readonly #following: Promise<unknown>
  #svids: ReadonlyMap<string, IssuedJwtSvid> = new Map()
  #bundles: JwtBundleSet | undefined
  #subject: SpiffeId | undefined

  /** Throws `SpiffeError` for an address that is none. */
  constructor(options: AgentJwtFeedOptions) {
    this.#options = options
    this.#log = options.log
    this.#client = new WorkloadApiClient({ address: options.address })
    this.#unsubscribe = options.svid.onChange(() => this.#subjectMayHaveChanged())
    const followed = options.svids.map((wanted) => this.#followToken(wanted))
    this.#following = Promise.allSettled(options.bundles ? [...followed, this.#followBundles()] : followed)
  }

  get current(): JwtMaterial {
    const [problem] = this.#problems.values()
    return { svids: this.#svids, bundles: this.#bundles, problem }
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#unsubscribe()
    for (const alarm of this.#alarms) alarm.wake()
    await this.#client.close()
    await this.#following
  }

  async #followToken({ audiences, fileName }: JwtSvidFileConfig): Promise<void> {
    const backoff = new Backoff(firstRetryMs, lastRetryMs)
    const alarm = new Alarm()
    this.#alarms.add(alarm)
    while (!this.#stop.signal.aborted) {
      const subject = this.#options.svid.material?.spiffeId
      // Asked again when the X.509-SVID comes, which wakes the alarm.
      const again = subject === undefined ? Infinity : await this.#renew(audiences, fileName, subject, backoff)
      await alarm.until(again)
    }
  }

  /** When to ask next, in milliseconds since the epoch. */
  async #renew(audience: readonly string[], fileName: string, subject: SpiffeId, backoff: Backoff): Promise<number> {
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(fetchTimeoutMs)])
    try {
      const svid = await this.#client.fetchJwtSvid({ audience, subject }, { signal })
      const issued = { token: svid.marshal(), expiresAt: svid.expiresAt }
      this.#svids = new Map([...this.#svids, [fileName, issued]])
      this.#problems.delete(fileName)
      backoff.reset()
      this.#changed()
      return Date.now() + Math.max(shortestRenewalMs, (svid.expiresAt.getTime() - Date.now()) / 2)
    } catch (error) {
      const retryInMs = backoff.next()
      this.#failed(fileName, `no new token for "${fileName}"`, error, retryInMs)
      return Date.now() + retryInMs
    }
  }

  async #followBundles(): Promise<void> {
    const backoff = new Backoff(firstRetryMs, lastRetryMs)
    const alarm = new Alarm()
    this.#alarms.add(alarm)
    while (!this.#stop.signal.aborted) {
      try {
        for await (const bundles of this.#client.watchJwtBundles({ signal: this.#stop.signal })) {
          this.#bundles = bundles
          this.#problems.delete('')
          backoff.reset()
          this.#changed()
        }
      } catch (error) {
        const retryInMs = backoff.next()
        this.#failed('', 'no JWT bundles', error, retryInMs)
        await alarm.until(Date.now() + retryInMs)
      }
    }
  }

  #failed(key: string, what: string, error: unknown, retryInMs: number): void {
    if (this.#stop.signal.aborted) return
    this.#problems.set(key, `${what}: ${errorText(error)}`)
    this.#log.warn(what, { error: errorText(error), retryInMs })
  }

  #subjectMayHaveChanged(): void {
    const subject = this.#options.svid.material?.spiffeId
    if (subject === this.#subject) return
    this.#subject = subject
    for (const alarm of this.#alarms) alarm.wake()
  }

  #changed(): void {
    if (this.#stop.signal.aborted) return
    for (const listener of this.#listeners) listener()
  }
}
