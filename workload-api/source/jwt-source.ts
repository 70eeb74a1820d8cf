import type { JwtBundleSet } from '../bundle/jwt-bundle.js'
import type { JwtSvidParams } from '../client/jwt-response.js'
import { SpiffeError } from '../errors.js'
import type { JwtSvid } from '../jwt-svid/jwt-svid.js'
import { validateJwtSvid, type ValidateJwtSvidOptions } from '../jwt-svid/validate-jwt-svid.js'
import { fixed, LiveSource, type Feed, type LiveSourceOptions } from './live-source.js'
import type { ReadyOptions } from './source.js'
import { TokenCache } from './token-cache.js'
import { SourceClient, watchFeed, type WorkloadApiSourceOptions } from './workload-api-feed.js'
import { whenReady } from './when-ready.js'

/** Makes a token. */
export type FetchJwtSvid = (params: JwtSvidParams) => Promise<JwtSvid>

/**
 * A source of JWT bundles, which are its snapshots, and of tokens. Tokens are kept and renewed at half of their life; one
 * that was taken back is noticed at its renewal. Who must know at once asks `WorkloadApiClient`, which keeps none.
 */
export class JwtSource extends LiveSource<JwtBundleSet> {
  readonly #tokens: TokenCache

  private constructor(feed: Feed<JwtBundleSet>, fetch: FetchJwtSvid, options: LiveSourceOptions<JwtBundleSet>) {
    super(feed, options)
    this.#tokens = new TokenCache(fetch)
  }

  /** Bundles that never change; `fetch` makes the tokens, if there are to be any. */
  static of(bundles: JwtBundleSet, fetch: FetchJwtSvid = noTokens): JwtSource {
    return new JwtSource(fixed(bundles), fetch, {})
  }

  /**
   * Follows a Workload API; does not wait for it.
   *
   * @throws {SpiffeError} `ERR_ENDPOINT_ADDRESS_INVALID` or `ERR_ENDPOINT_ADDRESS_MISSING`
   */
  static open(options: WorkloadApiSourceOptions = {}): JwtSource {
    const source = new SourceClient(options)
    const { client } = source
    const feed = watchFeed(
      (call) => client.watchJwtBundles(call),
      (bundles) => bundles,
      options,
    )
    const closing = new AbortController()
    return new JwtSource(
      async (sink, signal) => {
        signal.addEventListener('abort', () => closing.abort(closedError()), { once: true })
        await source.whileFeeding(feed)(sink, signal)
      },
      (params) => client.fetchJwtSvid(params, { signal: closing.signal }),
      options,
    )
  }

  /**
   * Follows a Workload API and waits for its first bundles.
   *
   * @throws {SpiffeError} as `open` and `ready`
   */
  static async create(options: WorkloadApiSourceOptions & ReadyOptions = {}): Promise<JwtSource> {
    return whenReady(JwtSource.open(options), options)
  }

  /**
   * A token that is good for at least half of its life.
   *
   * @throws {SpiffeError} why there is none, once the last one has expired or was taken back
   */
  fetchJwtSvid(params: JwtSvidParams): Promise<JwtSvid> {
    return this.#tokens.get(params)
  }

  /** `validateJwtSvid` with the newest bundles. */
  async validateJwtSvid(token: string, options: ValidateJwtSvidOptions): Promise<JwtSvid> {
    return validateJwtSvid(token, this.snapshot(), options)
  }

  override async close(): Promise<void> {
    this.#tokens.clear()
    await super.close()
  }
}

function noTokens(): Promise<never> {
  return Promise.reject(new SpiffeError('ERR_SOURCE_NOT_READY', 'this source makes no JWT-SVIDs'))
}

function closedError(): SpiffeError {
  return new SpiffeError('ERR_SOURCE_CLOSED', 'the source was closed')
}
