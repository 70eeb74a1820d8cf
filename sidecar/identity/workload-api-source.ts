import { X509Certificate } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ParsecError, type Provider, type Signer } from '../../parsec-core/index.js'
import {
  SpiffeError,
  verifyX509Svid,
  WorkloadApiClient,
  type BackoffOptions,
  type X509BundleSet,
  type X509Context,
  type X509Svid,
} from '../../workload-api/index.js'
import type { WorkloadApiIdentityConfig } from '../config/index.js'
import { chooseSvid, listSvids, SvidChoiceError } from './choose-svid.js'
import type { IdentityListener, IdentitySource, IdentityUpdate } from './identity-source.js'
import { RotatingKey, type CandidateKey } from './rotating-key.js'
import { WorkloadApiTroubles } from './workload-api-troubles.js'

export interface WorkloadApiSourceOptions extends IdentityListener {
  /** Takes the keys over; stays the caller's. */
  readonly provider: Provider
  /** How long a handshake may sign with a key after the next one took over; a minute when not given. */
  readonly handshakeBoundMs?: () => number
  /** Between attempts to reach the agent; 500 ms to 5 s when not given. */
  readonly backoff?: BackoffOptions
  /** How long an agent that was reached may stay silent; 30 s when not given. */
  readonly firstMessageTimeoutMs?: number
}

/** An SVID whose key the provider holds, checked and offered to whoever uses the identity. */
interface Offer {
  readonly key: CandidateKey
  readonly update: Omit<IdentityUpdate, 'refuse'>
}

/** The agent is on this host: looking again costs little, and a recovery shall take no longer than a glance. */
const defaultBackoff: BackoffOptions = { initialMs: 500, maxMs: 5_000 }
/** A provider that lost its device is asked again this often. */
const providerPauseMs = 2_000

/**
 * The identity source `workload-api`: follows the agent, chooses the block's SVID, and moves its private key into the
 * provider. The agent made that key, so its residency is `imported into …` or `software`, never `generated in …`.
 */
export class WorkloadApiSource implements IdentitySource {
  readonly #config: WorkloadApiIdentityConfig
  readonly #options: WorkloadApiSourceOptions
  readonly #client: WorkloadApiClient
  readonly #keys: RotatingKey
  readonly #troubles: WorkloadApiTroubles
  #current: Pick<IdentityUpdate, 'chain' | 'bundles'> | undefined
  #warned = false
  /** Fires when the agent shall be asked from the start. */
  #again = new AbortController()
  #destruction: NodeJS.Timeout | undefined

  /** Throws `SpiffeError` for an address that is none. */
  constructor(config: WorkloadApiIdentityConfig, options: WorkloadApiSourceOptions) {
    const { provider, backoff = defaultBackoff, firstMessageTimeoutMs } = options
    this.#config = config
    this.#options = options
    this.#client = new WorkloadApiClient({
      address: config.agentAddress,
      backoff,
      ...(firstMessageTimeoutMs !== undefined && { firstMessageTimeoutMs }),
    })
    this.#troubles = new WorkloadApiTroubles(this.#client.address, options)
    this.#keys = new RotatingKey({
      provider,
      applicationIdentity: `svidecar/identity/${config.name}`,
      handshakeBoundMs: options.handshakeBoundMs ?? (() => 60_000),
      onLeftover: (error) => this.#troubles.keyLeftOver(error),
    })
  }

  /** One iteration, once. The keys it took over are destroyed when it ends. */
  async *updates(signal: AbortSignal): AsyncGenerator<IdentityUpdate, void, undefined> {
    const unlisten = this.#keys.listen({
      onMissing: (reason) => this.#keyMissing(reason),
      onReady: () => this.#again.abort(),
    })
    try {
      await this.#keys.clearStrays()
      while (!signal.aborted) {
        this.#again = new AbortController()
        yield* this.#follow(AbortSignal.any([signal, this.#again.signal]))
        if (!this.#again.signal.aborted) await pause(providerPauseMs, AbortSignal.any([signal, this.#again.signal]))
      }
    } finally {
      unlisten()
      clearTimeout(this.#destruction)
      await this.#client.close()
      await this.#keys.close()
    }
  }

  /**
   * Ends when the signal fires, the provider failed, or what was offered could not be used: the agent will not send the
   * same again unasked.
   */
  async *#follow(signal: AbortSignal): AsyncGenerator<IdentityUpdate, void, undefined> {
    const onState = this.#troubles.onState
    for await (const context of this.#client.watchX509Context({ signal, onState })) {
      try {
        const offer = await this.#accept(context)
        this.#troubles.contextUsed(offer !== undefined)
        if (offer === undefined) continue
        let used = true
        yield { ...offer.update, refuse: () => void (used = false) }
        if (!used) return await this.#keys.discard(offer.key)
        this.#inUse(offer)
      } catch (error) {
        if (error instanceof ParsecError) {
          this.#troubles.contextUnusable(error, providerPauseMs)
          return
        }
        if (!(error instanceof SvidChoiceError) && !(error instanceof SpiffeError)) throw error
        this.#troubles.contextUnusable(error, undefined)
      }
    }
  }

  /** What a context changes for this identity: undefined when only other identities of the agent's changed. */
  async #accept({ svids, bundles }: X509Context): Promise<Offer | undefined> {
    const svid = chooseSvid(svids, this.#config)
    this.#warnOfOthers(svids)
    if (this.#current !== undefined && sameChain(this.#current.chain, svid.chain)) {
      if (sameBundles(this.#current.bundles, bundles)) return undefined
    }
    const key = await this.#keys.take(svid.privateKey)
    try {
      assertUsable(svid, bundles, key.signer)
    } catch (error) {
      await this.#keys.discard(key)
      throw error
    }
    return { key, update: { chain: svid.chain, signer: key.signer, bundles, hint: svid.hint } }
  }

  /** Only what is in use replaces the key before: a key whose proof failed is no reason to destroy a good one. */
  #inUse({ key, update }: Offer): void {
    this.#keys.use(key, Date.now())
    this.#scheduleDestruction()
    this.#current = update
  }

  /** The bytes of the key were wiped when the provider took it over: the agent is asked for them again. */
  #keyMissing(reason: string): void {
    this.#current = undefined
    this.#troubles.keyMissing(new Error(reason))
    this.#again.abort()
  }

  #warnOfOthers(svids: readonly X509Svid[]): void {
    const { spiffeId, hint, name } = this.#config
    if (this.#warned || svids.length === 1 || spiffeId !== undefined || hint !== undefined) return
    this.#warned = true
    this.#options.onWarning?.(
      `identity "${name}" takes the first of ${svids.length} SVIDs; set spiffe_id or hint: ${listSvids(svids)}`,
    )
  }

  /** A retired key outlives the handshakes that began with it, and no longer. */
  #scheduleDestruction(): void {
    clearTimeout(this.#destruction)
    const due = this.#keys.nextDestructionAt
    if (due === Number.POSITIVE_INFINITY) return
    const destroy = async () => {
      await this.#keys.destroyRetired(Date.now())
      this.#scheduleDestruction()
    }
    this.#destruction = setTimeout(() => void destroy(), Math.max(0, due - Date.now())).unref()
  }
}

/** Everything once more, with the key as the provider holds it: the import lies between the checks and the use. */
function assertUsable({ chain }: X509Svid, bundles: X509BundleSet, signer: Signer): void {
  verifyX509Svid(chain, bundles)
  const [leaf] = chain
  if (leaf === undefined || !new X509Certificate(leaf).publicKey.equals(signer.publicKey)) {
    throw new SpiffeError('ERR_X509_SVID_KEY_MISMATCH', 'the key in the provider does not fit the leaf certificate')
  }
}

function sameChain(one: readonly Uint8Array[], other: readonly Uint8Array[]): boolean {
  return Buffer.concat(one).equals(Buffer.concat(other))
}

function sameBundles(one: X509BundleSet, other: X509BundleSet): boolean {
  if (one.size !== other.size) return false
  return [...one].every(([trustDomain, bundle]) => other.get(trustDomain)?.equals(bundle) === true)
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal })
  } catch {
    // The signal fired; whoever waits looks at it.
  }
}
