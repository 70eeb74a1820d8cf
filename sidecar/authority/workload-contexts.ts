import {
  generatePrivateKey,
  notSupported,
  openMemoryProvider,
  type Provider,
  type SigningKeyType,
} from '../../parsec-core/index.js'
import {
  X509Svid,
  type JwtBundleSet,
  type JwtSvid,
  type JwtSvidOrder,
  type X509Context,
} from '../../workload-api/index.js'
import { Alarm } from '../clock/alarm.js'
import type { CertificateAuthority } from './certificate-authority.js'
import { AuthorityError } from './errors.js'
import type { Entitlement, Registrations } from './registrations.js'
import type { RequestLimiter } from './request-limiter.js'

export interface WorkloadContextsOptions {
  readonly authority: CertificateAuthority
  readonly registrations: Registrations
  readonly keyType: SigningKeyType
  /** Bounds how often a uid asks for tokens, which are signed at each call. */
  readonly limiter: RequestLimiter
  readonly onIssued: () => void
}

/** SVIDs are renewed at half of their life, a little earlier by chance, so that many do not renew at once. */
const renewalFraction = 0.5
const renewalJitter = 0.1
const shortestRenewalMs = 200

interface IssuedSet {
  readonly entitlements: readonly Entitlement[]
  readonly svids: readonly X509Svid[]
  readonly renewAt: number
}

/** What the Workload API streams to each caller: its SVIDs with keys made here, as that API has it, and the bundle. */
export class WorkloadContexts {
  readonly #options: WorkloadContextsOptions
  readonly #keys: Provider
  readonly #waiting = new Set<Alarm>()
  readonly #stopListening: () => void
  #keyNumber = 0

  private constructor(options: WorkloadContextsOptions, keys: Provider) {
    this.#options = options
    this.#keys = keys
    this.#stopListening = options.authority.onBundleChange(() => this.refresh())
  }

  static async open(options: WorkloadContextsOptions): Promise<WorkloadContexts> {
    return new WorkloadContexts(options, await openMemoryProvider('workload keys'))
  }

  /** Has every stream look again at once: registrations changed. */
  refresh(): void {
    for (const alarm of this.#waiting) alarm.wake()
  }

  async close(): Promise<void> {
    this.#stopListening()
    await this.#keys.close()
  }

  /**
   * The uid's contexts, the first at once, then one at each renewal, new bundle and change of registration. Ends when
   * the signal fires. Throws `ERR_AUTHORITY_NOT_ENTITLED` as soon as the uid has no identity (any more).
   */
  async *contextsFor(uid: number, signal: AbortSignal): AsyncGenerator<X509Context, void, undefined> {
    let issued: IssuedSet | undefined
    for await (const _ of this.#turns(signal, () => issued?.renewAt ?? 0)) {
      issued = await this.#current(uid, issued)
      const { bundle } = this.#options.authority
      yield { svids: issued.svids, bundles: new Map([[bundle.trustDomain, bundle]]), crl: [] }
    }
  }

  /** The JWT bundle, at once and at each change of bundles or registrations; ends and throws as `contextsFor`. */
  async *jwtBundlesFor(uid: number, signal: AbortSignal): AsyncGenerator<JwtBundleSet, void, undefined> {
    for await (const _ of this.#turns(signal, () => Number.POSITIVE_INFINITY)) {
      this.#requireRegistered(uid)
      const { jwtBundle } = this.#options.authority
      yield new Map([[jwtBundle.trustDomain, jwtBundle]])
    }
  }

  /**
   * A token for each identity of the uid, or for the one that is asked for. Throws `ERR_AUTHORITY_NOT_ENTITLED`,
   * `ERR_AUTHORITY_BUSY`, `ERR_AUTHORITY_CANNOT_SIGN` and `ParsecError`.
   */
  async jwtSvidsFor(uid: number, { audience, subject }: JwtSvidOrder): Promise<readonly JwtSvid[]> {
    const { authority, limiter, onIssued } = this.#options
    const wanted = this.#requireRegistered(uid).filter(({ id }) => subject === undefined || subject === id)
    if (wanted.length === 0)
      throw new AuthorityError('ERR_AUTHORITY_NOT_ENTITLED', `uid ${uid} is not registered for it`)
    const now = new Date()
    limiter.take(uid, now.getTime())
    const svids = await Promise.all(wanted.map(({ id, hint }) => authority.issueJwt({ id, audience, hint }, now)))
    for (const _ of svids) onIssued()
    return svids
  }

  /** One turn at once, then one at each refresh and whenever `until` has come; ends when the signal fires. */
  async *#turns(signal: AbortSignal, until: () => number): AsyncGenerator<void, void, undefined> {
    const alarm = new Alarm()
    const stop = () => alarm.wake()
    this.#waiting.add(alarm)
    signal.addEventListener('abort', stop)
    try {
      while (!signal.aborted) {
        yield
        await alarm.until(until())
      }
    } finally {
      signal.removeEventListener('abort', stop)
      this.#waiting.delete(alarm)
    }
  }

  #requireRegistered(uid: number): readonly Entitlement[] {
    const entitlements = this.#options.registrations.entitlementsOf(uid)
    if (entitlements.length > 0) return entitlements
    throw new AuthorityError('ERR_AUTHORITY_NOT_ENTITLED', `uid ${uid} is not registered`)
  }

  /** The SVIDs issued before while they are what is due, else new ones. */
  async #current(uid: number, issued: IssuedSet | undefined): Promise<IssuedSet> {
    const entitlements = this.#requireRegistered(uid)
    if (issued?.entitlements === entitlements && Date.now() < issued.renewAt) return issued
    const now = new Date()
    const svids = await Promise.all(entitlements.map((entitlement) => this.#issue(entitlement, now)))
    const firstEnd = Math.min(...svids.map((svid) => svid.notAfter.getTime()))
    const share = renewalFraction - Math.random() * renewalJitter
    return {
      entitlements,
      svids,
      renewAt: now.getTime() + Math.max(shortestRenewalMs, (firstEnd - now.getTime()) * share),
    }
  }

  async #issue({ id, hint }: Entitlement, now: Date): Promise<X509Svid> {
    const { authority, keyType, onIssued } = this.#options
    const identity = { applicationIdentity: 'workload', keyName: String((this.#keyNumber += 1)) }
    const signer = await generatePrivateKey(this.#keys, identity, keyType)
    const pkcs8 = signer.exportForDataPlane?.()
    if (!pkcs8) throw notSupported('the keys of workloads are in software')
    try {
      const { chain } = await authority.issue({ id, publicKey: signer.publicKey }, now)
      onIssued()
      return X509Svid.parse(Buffer.concat(chain), pkcs8, hint)
    } finally {
      pkcs8.fill(0)
      await this.#keys.psaDestroyKey?.(identity)
    }
  }
}
