import { BundleSet, Identity, type IdentityKey } from '../../native/index.js'
import { parseSpiffeId, type X509BundleSet } from '../../workload-api/index.js'
import { workloadApiAddressOf, type IdentityConfig } from '../config/index.js'
import { memoryProvider } from '../keys/open-key-provider.js'
import type { Logger } from '../log/logger.js'
import { errorText } from '../log/logger.js'
import type { SvidMaterial } from '../outputs/svid-material.js'
import type { IdentityState, IdentityStatus } from '../admin/status.js'
import { dataPlaneKey } from './data-plane-key.js'
import type { IdentityEvent, IdentitySource, IdentityUpdate } from './identity-source.js'

/** What a tunnel presents: proved in the data plane, whole, never mixed with another generation. */
export interface UsableIdentity {
  readonly identity: Identity
  readonly bundles: BundleSet
}

/** The wall clock is looked at this often: long timers overflow and stop while a machine is suspended. */
const clockCheckMs = 5000
const proofTimeoutMs = 10_000

interface Current extends UsableIdentity {
  readonly update: IdentityUpdate
}

function nativeBundles(bundles: X509BundleSet): BundleSet {
  return BundleSet.create(
    new Map([...bundles].map(([trustDomain, bundle]) => [trustDomain as string, bundle.x509Authorities])),
  )
}

/**
 * One identity of the sidecar: follows its source, proves each new key and chain in the data plane, and swaps it in
 * whole. A bad update never replaces a good one.
 */
export class ManagedIdentity {
  readonly config: IdentityConfig
  readonly #log: Logger
  readonly #listeners = new Set<(current: UsableIdentity) => void>()
  readonly #stop = new AbortController()
  /** Aborted when there will be no (further) SVID: the source gave up or the identity was closed. */
  readonly #ended = new AbortController()
  #current: Current | undefined
  #svidsUsed = 0
  #problem: IdentityStatus['problem']
  #expiryTold = false
  #following: Promise<void> | undefined
  #clock: NodeJS.Timeout | undefined

  constructor(config: IdentityConfig, log: Logger) {
    this.config = config
    this.#log = log.with({ identity: config.name })
  }

  /** What to hand to a source as its listener for faults. */
  readonly onEvent = (event: IdentityEvent): void => {
    this.#problem = { at: new Date().toISOString(), error: errorText(event.error), advice: event.advice }
    this.#log.warn(`no new SVID: ${event.advice}`, { error: errorText(event.error), retryInMs: event.retryInMs })
  }

  /** The trouble is over and what is in use is still the newest. */
  readonly onRecovered = (): void => {
    if (this.#problem !== undefined) this.#log.info('the identity source answers again')
    this.#problem = undefined
  }

  readonly onWarning = (text: string): void => this.#log.warn(text)

  start(source: IdentitySource): void {
    this.#clock = setInterval(() => this.#checkClock(), clockCheckMs).unref()
    this.#following = this.#follow(source).catch((error: unknown) => {
      const [at, text, told] = [new Date().toISOString(), errorText(error), this.#problem]
      // What the source said to check is more than that it ended.
      this.#problem = told?.error === text ? told : { at, error: text, advice: 'the identity source gave up' }
      this.#log.error('the identity source gave up', { error: text })
      this.#ended.abort(error)
    })
  }

  get current(): UsableIdentity | undefined {
    return this.#current
  }

  /** Where the private key in use came to be and is held; undefined without an SVID. */
  get residency(): string | undefined {
    return this.#current?.update.signer.residency
  }

  /** What files and the Workload API are made of. */
  get material(): SvidMaterial | undefined {
    if (this.#current === undefined) return undefined
    const { identity, update } = this.#current
    const { chain, signer, bundles } = update
    return { spiffeId: parseSpiffeId(identity.spiffeId), notAfter: identity.notAfter, chain, signer, bundles }
  }

  /** How others see it. */
  get hint(): string {
    return this.#current?.update.hint ?? ''
  }

  /** Of the Workload API that issues it, and its tokens; undefined where its SVID comes from none. */
  get address(): string | undefined {
    return workloadApiAddressOf(this.config)
  }

  get name(): string {
    return this.config.name
  }

  /** Resolves when there is a usable identity; rejects when the source gave up or the signal fired. */
  async ready(signal: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([signal, this.#ended.signal])
    while (this.#current === undefined) {
      ended.throwIfAborted()
      await new Promise<void>((resolve) => {
        const wake = () => {
          stopListening()
          ended.removeEventListener('abort', wake)
          resolve()
        }
        const stopListening = this.onChange(wake)
        ended.addEventListener('abort', wake, { once: true })
      })
    }
  }

  /** Calls `listener` at every swap from now on; returns how to stop that. */
  onChange(listener: (current: UsableIdentity) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  state(now: number = Date.now()): IdentityState {
    if (this.#current === undefined) return 'waiting'
    if (this.#current.update.signer.gone?.() !== undefined) return 'key_missing'
    // RFC 5280, 4.1.2.5: the last second belongs to the validity, and the data plane serves through it.
    return Math.floor(now / 1000) * 1000 <= this.#current.identity.notAfter.getTime() ? 'valid' : 'expired'
  }

  status(): IdentityStatus {
    return {
      name: this.config.name,
      source: this.config.source,
      keyProvider: this.config.keyProvider ?? memoryProvider.name,
      state: this.state(),
      svid: this.#current === undefined ? undefined : svidStatus(this.#current),
      svidsUsed: this.#svidsUsed,
      problem: this.#problem,
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#clock)
    this.#stop.abort()
    this.#ended.abort(new Error(`identity "${this.config.name}" was closed`))
    await this.#following
    this.#listeners.clear()
    this.#current?.identity.close()
    this.#current = undefined
  }

  async #follow(source: IdentitySource): Promise<void> {
    for await (const update of source.updates(this.#stop.signal)) {
      try {
        await this.#use(update)
      } catch (error) {
        update.refuse()
        this.onEvent({
          kind: 'failed',
          error: error instanceof Error ? error : new Error(String(error)),
          advice: 'the new SVID or its key failed the proof before use; the last good one stays',
          retryInMs: undefined,
        })
      }
    }
  }

  async #use(update: IdentityUpdate): Promise<void> {
    const key: IdentityKey = dataPlaneKey(update.signer)
    const bundles = nativeBundles(update.bundles)
    const identity = await Identity.create(update.chain, key, { timeoutMs: proofTimeoutMs }).finally(() => wipe(key))
    if (this.#stop.signal.aborted) {
      identity.close()
      return
    }
    const previous = this.#current
    this.#current = { identity, bundles, update }
    this.#svidsUsed += 1
    this.#problem = undefined
    this.#expiryTold = false
    this.#log.info(previous === undefined ? 'SVID in use' : 'SVID rotated', svidFields(this.#current))
    for (const listener of this.#listeners) listener(this.#current)
    // Tunnels hold their own reference until their last handshake with it is over.
    previous?.identity.close()
  }

  #checkClock(): void {
    if (this.#expiryTold || this.state() !== 'expired') return
    this.#expiryTold = true
    this.#log.error('the SVID expired: new connections are refused until there is a new one', {
      problem: this.#problem?.advice,
    })
  }
}

/** The data plane has its own copy by now. */
function wipe(key: IdentityKey): void {
  if ('pkcs8' in key) key.pkcs8.fill(0)
}

function svidStatus(current: Current): NonNullable<IdentityStatus['svid']> {
  const { identity, bundles, update } = current
  return {
    spiffeId: identity.spiffeId,
    serialNumber: identity.serialNumber,
    notBefore: identity.notBefore.toISOString(),
    notAfter: identity.notAfter.toISOString(),
    residency: update.signer.residency,
    trustDomains: bundles.trustDomains,
  }
}

function svidFields(current: Current): Readonly<Record<string, unknown>> {
  const { spiffeId, serialNumber, notAfter, residency } = svidStatus(current)
  return { spiffeId, serialNumber, notAfter, residency }
}
