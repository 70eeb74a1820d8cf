import type { Provider } from '../../../parsec-core/index.js'
import { parseTrustDomain, type X509BundleSet } from '../../../workload-api/index.js'
import { Alarm } from '../../clock/alarm.js'
import type { SpireServerIdentityConfig } from '../../config/index.js'
import type { IdentityListener, IdentitySource, IdentityUpdate } from '../identity-source.js'
import { renewalTime } from '../renewal-time.js'
import { RotatingKey, type CandidateKey } from '../rotating-key.js'
import { SpireAgent } from './agent.js'
import type { ServerConnection } from './channel/server-connection.js'
import { bundlesFor, enrol, isUntainted } from './enrolment.js'
import { chooseEntry, EntryList, type Entry } from './entries.js'
import type { IssuedSvid } from './issued-svid.js'
import { openAttestor } from './open-attestor.js'
import type { ServerBundle } from './server-bundle.js'
import { needsAttestation, SpireError } from './spire-error.js'
import { StateLease, type Turn } from './state/state-lease.js'
import { SpireTroubles } from './troubles.js'

export interface SpireServerSourceOptions extends IdentityListener {
  /** Makes and holds the keys of the identity and of its agent; stays the caller's. */
  readonly provider: Provider
  /** The provider of a key_provider block, for an attestation whose key is there. */
  readonly providerNamed: (label: string) => Provider
  /** How long a handshake may sign with a key after the next one took over; a minute when not given. */
  readonly handshakeBoundMs?: () => number
  /** Between the first attempts after a failure, in milliseconds; 500 when not given. */
  readonly firstBackoffMs?: number
}

/** An SVID with its key and all that belongs to it, checked. */
interface Offer {
  readonly key: CandidateKey
  readonly issued: IssuedSvid
  readonly bundles: X509BundleSet
  readonly entry: Entry
}

const jitter = 0.1
const shortestRenewalMs = 200
const longestBackoffMs = 15_000
/** Until there is an entry; a server needs some seconds itself until a new one counts. */
const searchIntervalMs = 5000
/** Without poll_interval the server is looked at this often in the life of an SVID, within the bounds. */
const looksPerLife = 20
const shortestPollMs = 5000
const longestPollMs = 300_000
/** The server's clock may be ahead: an SVID that begins later is waited for, and this often looked at. */
const clockLookMs = 1000

/**
 * The identity source `spire-server`: a small SPIRE agent for one workload. It attests, keeps itself attested, and has
 * SVIDs issued for keys made in the provider: keys that never were anywhere else.
 */
export class SpireServerSource implements IdentitySource {
  readonly #config: SpireServerIdentityConfig
  readonly #keys: RotatingKey
  readonly #agent: SpireAgent
  readonly #lease: StateLease
  readonly #entries = new EntryList()
  readonly #troubles: SpireTroubles
  readonly #options: SpireServerSourceOptions
  readonly #alarm = new Alarm()
  #current: Offer | undefined
  #renewAt = 0
  #failures = 0
  /** Nothing more is tried. */
  #isOver = false

  /** Throws `SpiffeError` for a trust domain that is none, `TypeError` for a key provider there is not. */
  constructor(config: SpireServerIdentityConfig, options: SpireServerSourceOptions) {
    const { provider } = options
    this.#config = config
    this.#options = options
    this.#troubles = new SpireTroubles(config, options, () => this.#agent.id)
    const onLeftover = (error: unknown) => this.#troubles.keyLeftOver(error)
    const onWarning = (text: string) => this.#troubles.warn(text)
    this.#keys = new RotatingKey({
      provider,
      applicationIdentity: `svidecar/identity/${config.name}`,
      handshakeBoundMs: options.handshakeBoundMs ?? (() => 60_000),
      made: { keyType: config.keyType, rotation: config.keyRotation },
      onLeftover,
    })
    this.#agent = new SpireAgent({
      identity: config.name,
      server: config.serverAddress,
      trustDomain: parseTrustDomain(config.trustDomain),
      trust: config.trust,
      attestor: openAttestor(config, { providerNamed: options.providerNamed, onWarning }),
      provider,
      keyType: config.keyType,
      onWarning,
      onLeftover,
      onRenewalFailed: (error) => this.#troubles.tell(error, undefined),
    })
    this.#lease = new StateLease(config.stateDir)
  }

  /** One iteration, once. The identity's keys are destroyed when it ends; the agent's stay for the next start. */
  async *updates(signal: AbortSignal): AsyncGenerator<IdentityUpdate, void, undefined> {
    const stop = () => this.#alarm.wake()
    signal.addEventListener('abort', stop)
    const unlisten = this.#keys.listen({
      onMissing: (reason) => this.#keyMissing(reason),
      onReady: () => this.#failures > 0 && this.#alarm.wake(),
    })
    this.#warnOfMemory()
    try {
      await this.#keys.clearStrays()
      while (!signal.aborted) {
        const offer = await this.#attempt(signal)
        if (offer !== undefined) {
          await this.#untilBegun(offer, signal)
          let used = true
          if (!signal.aborted) yield { ...updateOf(offer), refuse: () => void (used = false) }
          await this.#conclude(offer, used && !signal.aborted)
        }
        await this.#pause(signal)
      }
    } finally {
      unlisten()
      signal.removeEventListener('abort', stop)
      await this.#agent.close()
      this.#lease.close()
      await this.#keys.close()
    }
  }

  /** What is new, or undefined: nothing, or a trouble that was told. */
  async #attempt(signal: AbortSignal): Promise<Offer | undefined> {
    let turn: Turn | undefined
    try {
      turn = await this.#lease.turn(signal)
      if (turn.othersWrote) await this.#agent.forget()
      const offer = await this.#lookTwice(turn, signal)
      this.#failures = 0
      if (!this.#agent.isLate) this.#troubles.over(offer !== undefined)
      return offer
    } catch (error) {
      if (signal.aborted) return undefined
      // The next attempt dials anew: what this connection led to may be stopped or replaced.
      await this.#agent.close()
      this.#failures += 1
      const isFinal = error instanceof SpireError && error.code === 'ERR_SPIRE_AGENT_BANNED'
      this.#troubles.tell(error, isFinal ? undefined : this.#backoffMs())
      this.#isOver = isFinal
      return undefined
    } finally {
      turn?.end()
    }
  }

  /** A second time, at once, where what went wrong can be mended: by another attestation, or another bundle. */
  async #lookTwice(turn: Turn, signal: AbortSignal): Promise<Offer | undefined> {
    try {
      return await this.#look(turn, signal)
    } catch (error) {
      if (signal.aborted || !(error instanceof SpireError)) throw error
      if (needsAttestation(error)) {
        await this.#agent.close()
        this.#agent.lose(error)
      } else if (error.code !== 'ERR_SPIRE_SERVER_UNTRUSTED') throw error
      else if (!(await this.#agent.beginWithAnotherBundle(turn.directory, signal).catch(() => false))) throw error
      return this.#look(turn, signal)
    }
  }

  async #look({ directory }: Turn, signal: AbortSignal): Promise<Offer | undefined> {
    const connection = await this.#agent.connect(directory, signal)
    const bundle = await this.#agent.refreshBundle(directory, signal)
    const entries = await this.#entries.read(connection, { signal, deadlineMs: 30_000 })
    await this.#agent.settle()
    const entry = chooseEntry(entries, this.#config)
    const bundles = await bundlesFor(connection, entry, bundle.x509, signal, (text) => this.#troubles.warn(text))
    const current = this.#current
    if (current === undefined || this.#isDue(current, entry, bundle))
      return this.#enrol(connection, entry, bundles, signal)
    return sameBundles(current.bundles, bundles) ? undefined : { ...current, bundles }
  }

  #isDue({ entry: before, issued }: Offer, entry: Entry, bundle: ServerBundle): boolean {
    const isChanged = before.id !== entry.id || before.revision !== entry.revision
    return isChanged || Date.now() >= this.#renewAt || !isUntainted(issued.chain, bundle)
  }

  async #enrol(
    connection: ServerConnection,
    entry: Entry,
    bundles: X509BundleSet,
    signal: AbortSignal,
  ): Promise<Offer> {
    const key = await this.#keys.next()
    try {
      return { key, issued: await enrol(connection, entry, key.signer, bundles, signal), bundles, entry }
    } catch (error) {
      await this.#keys.discard(key)
      throw error
    }
  }

  /** Only what is in use replaces the key before: a key whose proof failed is no reason to destroy a good one. */
  async #conclude(offer: Offer, used: boolean): Promise<void> {
    const isNew = offer.key !== this.#current?.key
    if (used) {
      this.#keys.use(offer.key, Date.now())
      this.#current = offer
      if (isNew) this.#renewAt = nextRenewal(offer.issued)
      return
    }
    this.#failures += 1
    if (isNew) await this.#keys.discard(offer.key)
  }

  #keyMissing(reason: string): void {
    this.#renewAt = 0
    this.#troubles.keyMissing(reason)
    this.#alarm.wake()
  }

  async #untilBegun({ issued }: Offer, signal: AbortSignal): Promise<void> {
    const begins = issued.verified.notBefore.getTime()
    if (begins <= Date.now()) return
    this.#troubles.tell(new SpireError('ERR_SPIRE_CLOCK', 'the SVID begins later than now'), begins - Date.now())
    while (!signal.aborted && Date.now() < begins) await this.#alarm.until(Math.min(begins, Date.now() + clockLookMs))
  }

  /** Until the next look, destroying retired keys when they are due. */
  async #pause(signal: AbortSignal): Promise<void> {
    // The operator must act, and this process is not to ask again.
    if (this.#isOver) return this.#waitFor(Number.POSITIVE_INFINITY, signal)
    return this.#waitFor(this.#failures > 0 ? Date.now() + this.#backoffMs() : this.#nextLook(), signal)
  }

  async #waitFor(next: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const until = Math.min(next, this.#keys.nextDestructionAt)
      await this.#alarm.until(until)
      await this.#keys.destroyRetired(Date.now())
      if (until === next || (Date.now() < until && !this.#isOver)) return
    }
  }

  #nextLook(): number {
    const now = Date.now()
    const poll = jittered(this.#config.pollIntervalMs ?? pollByLife(this.#current))
    return Math.max(now + shortestRenewalMs, Math.min(now + poll, this.#renewAt, this.#agent.renewAt))
  }

  #backoffMs(): number {
    const first = this.#options.firstBackoffMs ?? 500
    const backoff = Math.min(longestBackoffMs, first * 2 ** Math.max(0, this.#failures - 1))
    // Having an entry made takes a person, or a controller: asking faster than it can count helps nobody.
    const longest = Math.min(searchIntervalMs, this.#config.pollIntervalMs ?? searchIntervalMs)
    return jittered(this.#troubles.isSearch ? longest : backoff)
  }

  #warnOfMemory(): void {
    const { provider } = this.#options
    if (provider.storesKeys || this.#config.attestation.type !== 'join_token') return
    const { name } = this.#config
    this.#options.onWarning?.(
      `identity "${name}" keeps its keys in "${provider.name}", which forgets them: each start needs a new join token`,
    )
  }
}

function updateOf({ key, issued, bundles, entry }: Offer): Omit<IdentityUpdate, 'refuse'> {
  return { chain: issued.chain, signer: key.signer, bundles, hint: entry.hint }
}

function nextRenewal({ verified: { notAfter } }: IssuedSvid): number {
  const now = Date.now()
  return Math.max(now + shortestRenewalMs, renewalTime(now, notAfter.getTime()))
}

function pollByLife(current: Offer | undefined): number {
  if (current === undefined) return searchIntervalMs
  const { notBefore, notAfter } = current.issued.verified
  return Math.min(longestPollMs, Math.max(shortestPollMs, (notAfter.getTime() - notBefore.getTime()) / looksPerLife))
}

/** A little earlier by chance: a thousand sidecars shall not look at once. */
function jittered(milliseconds: number): number {
  return milliseconds * (1 - Math.random() * jitter)
}

function sameBundles(one: X509BundleSet, other: X509BundleSet): boolean {
  if (one.size !== other.size) return false
  return [...one].every(([trustDomain, bundle]) => other.get(trustDomain)?.equals(bundle) === true)
}
