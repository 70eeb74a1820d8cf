import { createCertificateRequest, type Provider } from '../../parsec-core/index.js'
import { parseEndpointAddress, parseSpiffeId, type SpiffeId } from '../../workload-api/index.js'
import { Alarm } from '../clock/alarm.js'
import type { AuthorityIdentityConfig } from '../config/index.js'
import { errorText } from '../log/logger.js'
import { adviceOf } from './authority-advice.js'
import { AuthorityClient } from './authority-client.js'
import { takeTurn } from './authority-queue.js'
import { acceptSvid, type AcceptedSvid } from './authority-response.js'
import type { IdentityListener, IdentitySource, IdentityUpdate } from './identity-source.js'
import { renewalTime } from './renewal-time.js'
import { RotatingKey, type CandidateKey } from './rotating-key.js'

export interface AuthoritySourceOptions extends IdentityListener {
  /** Makes and holds the identity's keys; stays the caller's. */
  readonly provider: Provider
  /** How long a handshake may sign with a key after the next one took over; a minute when not given. */
  readonly handshakeBoundMs?: () => number
  /** How long one request may take; 5 s when not given. */
  readonly requestTimeoutMs?: number
}

/** A key and the SVID for it, checked and offered to whoever uses the identity. */
interface Offer {
  readonly key: CandidateKey
  readonly accepted: AcceptedSvid
}

const shortestRenewalMs = 200

/** The socket is on this host, and recovery shall take no longer than a glance: the pauses stay short. */
const firstBackoffMs = 200
const longestBackoffMs = 2000
/** The same trouble is told again this often. */
const reminderMs = 30_000

/**
 * The identity source `authority`: makes a key in the provider, has the embedded authority sign an SVID for it, and
 * does so again at half of its life, or at once when the connection to the authority ends, since then another one,
 * with another bundle, may take its place.
 */
export class AuthoritySource implements IdentitySource {
  readonly #options: AuthoritySourceOptions
  readonly #id: SpiffeId
  readonly #address: ReturnType<typeof parseEndpointAddress>
  readonly #keys: RotatingKey
  readonly #alarm = new Alarm()
  #client: AuthorityClient | undefined
  #failures = 0
  #told: { readonly advice: string; readonly at: number } | undefined

  /** Throws `SpiffeError` for an address or an ID that is none; `TypeError` without an ID. */
  constructor(config: AuthorityIdentityConfig, options: AuthoritySourceOptions) {
    if (config.spiffeId === undefined) throw new TypeError('an identity of source "authority" names its spiffe_id')
    this.#options = options
    this.#id = parseSpiffeId(config.spiffeId)
    this.#address = parseEndpointAddress(config.authorityAddress)
    this.#keys = new RotatingKey({
      provider: options.provider,
      applicationIdentity: `svidecar/identity/${config.name}`,
      handshakeBoundMs: options.handshakeBoundMs ?? (() => 60_000),
      made: { keyType: config.keyType, rotation: config.keyRotation },
      onLeftover: (error) => this.#tell(error, 0, 'a key of an earlier SVID could not be destroyed in its provider'),
    })
  }

  /** One iteration at a time. The keys it made are destroyed when it ends. */
  async *updates(signal: AbortSignal): AsyncGenerator<IdentityUpdate, void, undefined> {
    const stop = () => this.#alarm.wake()
    signal.addEventListener('abort', stop)
    const unlisten = this.#keys.listen({
      onMissing: (reason) => this.#keyMissing(reason),
      onReady: () => this.#failures > 0 && this.#alarm.wake(),
    })
    try {
      await this.#keys.clearStrays()
      while (!signal.aborted) {
        const offer = await this.#attempt(signal)
        if (offer) {
          let used = true
          const refuse = () => void (used = false)
          yield { ...offer.accepted.update, refuse }
          await this.#conclude(offer, used)
        }
        await this.#pause(signal, this.#failures === 0 && offer ? nextRenewal(offer.accepted) : this.#retryAt())
      }
    } finally {
      unlisten()
      signal.removeEventListener('abort', stop)
      this.#client?.close()
      await this.#keys.close()
    }
  }

  /** The next SVID, or undefined after telling why there is none. */
  async #attempt(signal: AbortSignal): Promise<Offer | undefined> {
    try {
      const offer = await this.#renew(signal)
      this.#failures = 0
      this.#told = undefined
      this.#client?.onDisconnect(() => this.#alarm.wake())
      return offer
    } catch (error) {
      // A connection that led to this may be to a process that is stopped or replaced: the next attempt makes its own.
      this.#client?.close()
      this.#client = undefined
      this.#failures += 1
      if (!signal.aborted) this.#tell(error, this.#backoffMs())
      return undefined
    }
  }

  /** Only what is in use replaces the key before: a key whose proof failed is no reason to destroy a good one. */
  async #conclude({ key }: Offer, used: boolean): Promise<void> {
    if (used) this.#keys.use(key, Date.now())
    else {
      this.#failures += 1
      await this.#keys.discard(key)
    }
  }

  #keyMissing(reason: string): void {
    this.#tell(
      new Error(reason),
      0,
      'the key of the SVID in use is gone from its device: a new key and SVID are asked for',
    )
    this.#alarm.wake()
  }

  async #renew(signal: AbortSignal): Promise<Offer> {
    const done = await takeTurn(this.#address.target, signal)
    try {
      return await this.#request(signal)
    } finally {
      done()
    }
  }

  async #request(signal: AbortSignal): Promise<Offer> {
    const key = await this.#keys.next()
    try {
      const csr = await createCertificateRequest(key.signer, { uri: this.#id })
      this.#client ??= new AuthorityClient(this.#address.target, { deadlineMs: this.#options.requestTimeoutMs ?? 5000 })
      const response = await this.#client.signX509Svid({ spiffeId: this.#id, csr }, signal)
      return { key, accepted: acceptSvid(response, { id: this.#id, signer: key.signer }) }
    } catch (error) {
      await this.#keys.discard(key)
      throw error
    }
  }

  /** Waits until `time`, destroying retired keys when they are due. */
  async #pause(signal: AbortSignal, time: number): Promise<void> {
    while (!signal.aborted) {
      const until = Math.min(time, this.#keys.nextDestructionAt)
      await this.#alarm.until(until)
      await this.#keys.destroyRetired(Date.now())
      if (until === time || Date.now() < until) return
    }
  }

  #retryAt(): number {
    return Date.now() + this.#backoffMs()
  }

  #backoffMs(): number {
    return Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.max(0, this.#failures - 1))
  }

  #tell(error: unknown, retryInMs: number, advice?: string): void {
    const now = Date.now()
    const judgement = adviceOf(error, { where: this.#address.display, id: this.#id })
    const event = advice === undefined ? judgement : { ...judgement, advice }
    // By the advice: the texts of errors hold times, and would all be different.
    if (this.#told?.advice === event.advice && now - this.#told.at < reminderMs) return
    this.#told = { advice: event.advice, at: now }
    this.#options.onEvent({ ...event, error: error instanceof Error ? error : new Error(errorText(error)), retryInMs })
  }
}

function nextRenewal({ verified }: AcceptedSvid): number {
  const now = Date.now()
  return Math.max(now + shortestRenewalMs, renewalTime(now, verified.notAfter.getTime()))
}
