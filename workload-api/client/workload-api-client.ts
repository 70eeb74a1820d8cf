import type { MethodDefinition } from '@grpc/grpc-js'
import type { JwtBundleSet } from '../bundle/jwt-bundle.js'
import { resolveEndpointAddress, type EndpointAddress } from '../endpoint/endpoint-address.js'
import { SpiffeError } from '../errors.js'
import type { JwtSvid } from '../jwt-svid/jwt-svid.js'
import { LatestValue } from '../latest-value.js'
import type { JwtBundlesResponse } from '../proto/jwt-messages.js'
import type { X509BundlesResponse, X509SvidResponse } from '../proto/messages.js'
import { workloadApiService } from '../proto/workload-service.js'
import type { X509BundleSet } from '../x509/x509-bundle.js'
import type { X509Context } from '../x509/x509-context.js'
import { defaultBackoff, type BackoffOptions } from './backoff.js'
import { fetchFirst } from './fetch-first.js'
import {
  digestOfJwtBundlesResponse,
  readJwtBundlesResponse,
  readJwtSvidResponse,
  readValidation,
  type JwtSvidParams,
} from './jwt-response.js'
import { unaryCall } from './unary-call.js'
import type { WatchState } from './watch-state.js'
import { Watch, type StreamProfile } from './watch.js'
import {
  digestOfX509BundlesResponse,
  digestOfX509SvidResponse,
  readX509BundlesResponse,
  readX509SvidResponse,
  wipeKeys,
} from './x509-response.js'

export interface WorkloadApiClientOptions {
  /** `unix:///path`, `unix:/path`, `tcp://ip:port` or an absolute path; `SPIFFE_ENDPOINT_SOCKET` when not given. */
  readonly address?: string
  readonly backoff?: Partial<BackoffOptions>
  /** How long a server that was reached may stay silent; 30,000 by default. */
  readonly firstMessageTimeoutMs?: number
}

export interface FetchOptions {
  readonly signal?: AbortSignal
}

export interface WatchCallOptions extends FetchOptions {
  /** Told every change of the watch's state, synchronously; must not throw. */
  readonly onState?: (state: WatchState) => void
}

/**
 * A client of the SPIFFE Workload API. Every watch and every fetch has a connection of its own. Nothing is handed out
 * that was not checked: key against leaf, ID, leaf rules, chain against bundle, validity; of a token its ID, audience and
 * expiry.
 */
export class WorkloadApiClient implements AsyncDisposable {
  readonly address: EndpointAddress
  readonly #backoff: BackoffOptions
  readonly #firstMessageTimeoutMs: number
  readonly #closed = new AbortController()
  readonly #running = new Set<Promise<void>>()

  /** @throws {SpiffeError} `ERR_ENDPOINT_ADDRESS_INVALID` or `ERR_ENDPOINT_ADDRESS_MISSING` */
  constructor(options: WorkloadApiClientOptions = {}) {
    this.address = resolveEndpointAddress(options.address)
    this.#backoff = { ...defaultBackoff, ...options.backoff }
    this.#firstMessageTimeoutMs = options.firstMessageTimeoutMs ?? 30_000
  }

  /**
   * The SVIDs and bundles of this process, and each change of them, for ever: a stream that ends is opened again. A slow
   * reader gets the newest context only. What an agent takes back is not withdrawn here but told as a state (`waiting`
   * with `ERR_WORKLOAD_API_PERMISSION_DENIED`); whether to go on with the last context is the caller's decision.
   *
   * The iteration ends when the signal fires or the client is closed.
   *
   * @throws {SpiffeError} `ERR_WORKLOAD_API_INVALID_ARGUMENT` or `ERR_WORKLOAD_API_UNIMPLEMENTED`, which no retry mends;
   *   `ERR_WORKLOAD_API_CLOSED` after `close`
   */
  watchX509Context(options: WatchCallOptions = {}): AsyncGenerator<X509Context, void, undefined> {
    return this.#watch(x509Contexts(), options)
  }

  /** As `watchX509Context`, for the bundles alone: for a process that verifies and need not have an identity. */
  watchX509Bundles(options: WatchCallOptions = {}): AsyncGenerator<X509BundleSet, void, undefined> {
    return this.#watch(x509Bundles(), options)
  }

  /**
   * Asks once, without retry.
   *
   * @throws {SpiffeError} why there is no answer, or what is wrong with it
   * @throws the signal's reason when it fires
   */
  fetchX509Context(options: FetchOptions = {}): Promise<X509Context> {
    return this.#fetch(x509Contexts(), options)
  }

  /** As `fetchX509Context`, for the bundles alone. */
  fetchX509Bundles(options: FetchOptions = {}): Promise<X509BundleSet> {
    return this.#fetch(x509Bundles(), options)
  }

  /** As `watchX509Context`, for the JWT bundles (Workload API section 6.2.2). */
  watchJwtBundles(options: WatchCallOptions = {}): AsyncGenerator<JwtBundleSet, void, undefined> {
    return this.#watch(jwtBundles(), options)
  }

  /** As `fetchX509Context`, for the JWT bundles. */
  fetchJwtBundles(options: FetchOptions = {}): Promise<JwtBundleSet> {
    return this.#fetch(jwtBundles(), options)
  }

  /**
   * A token for each identity of this process, or of the one subject (Workload API section 6.2.1); asked for anew each
   * time, `JwtSource` is what keeps them.
   *
   * @throws {SpiffeError} why there is no answer, or what is wrong with it
   */
  async fetchJwtSvids(params: JwtSvidParams, options: FetchOptions = {}): Promise<readonly JwtSvid[]> {
    const { audience, subject = '' } = params
    if (audience.length === 0 || audience.includes('')) throw new TypeError('name an audience for the JWT-SVID')
    const request = { audience, spiffeId: subject }
    return readJwtSvidResponse(await this.#ask(workloadApiService.FetchJWTSVID, request, options), params)
  }

  /** The first of `fetchJwtSvids`: the default identity (Workload API section 8), or the subject's. */
  async fetchJwtSvid(params: JwtSvidParams, options: FetchOptions = {}): Promise<JwtSvid> {
    const [svid] = await this.fetchJwtSvids(params, options)
    if (svid === undefined) throw new TypeError('an answer without a JWT-SVID was accepted')
    return svid
  }

  /**
   * Has the agent validate a token (Workload API section 6.2.3); `validateJwtSvid` does it here.
   *
   * @throws {SpiffeError} `ERR_WORKLOAD_API_INVALID_ARGUMENT` when the token is not good, or why there is no answer
   */
  async validateJwtSvid(token: string, audience: string, options: FetchOptions = {}): Promise<JwtSvid> {
    const request = { audience, svid: token }
    return readValidation(await this.#ask(workloadApiService.ValidateJWTSVID, request, options), token)
  }

  /** Ends every watch and fetch; resolves when they have let go of their connections. */
  async close(): Promise<void> {
    this.#closed.abort(closedError())
    await Promise.allSettled(this.#running)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async *#watch<Message, Value>(
    profile: StreamProfile<Message, Value>,
    { signal, onState = () => {} }: WatchCallOptions,
  ): AsyncGenerator<Value, void, undefined> {
    this.#closed.signal.throwIfAborted()
    const latest = new LatestValue<Value>()
    const stop = new AbortController()
    const watch = new Watch(
      profile,
      {
        address: this.address,
        backoff: this.#backoff,
        firstMessageTimeoutMs: this.#firstMessageTimeoutMs,
        onState,
        signal: AbortSignal.any([stop.signal, this.#closed.signal, ...(signal ? [signal] : [])]),
      },
      (value) => latest.put(value),
    )
    const running = watch.run().then(
      () => latest.end(),
      (error: unknown) => latest.end(error instanceof Error ? error : new Error(String(error))),
    )
    try {
      this.#running.add(running)
      yield* latest.read()
    } finally {
      stop.abort()
      await running
      this.#running.delete(running)
    }
  }

  #fetch<Message, Value>(profile: StreamProfile<Message, Value>, { signal }: FetchOptions): Promise<Value> {
    const { address } = this
    const firstMessageTimeoutMs = this.#firstMessageTimeoutMs
    return this.#run(signal, (stop) => fetchFirst(profile, { address, firstMessageTimeoutMs, signal: stop }))
  }

  #ask<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    { signal }: FetchOptions,
  ): Promise<Response> {
    const { address } = this
    const timeoutMs = this.#firstMessageTimeoutMs
    return this.#run(signal, (stop) => unaryCall({ address, method, request, timeoutMs, signal: stop }))
  }

  /** What `close` waits for and ends, as the caller's signal does. */
  async #run<Value>(signal: AbortSignal | undefined, work: (stop: AbortSignal) => Promise<Value>): Promise<Value> {
    const stop = AbortSignal.any([this.#closed.signal, ...(signal ? [signal] : [])])
    stop.throwIfAborted()
    const fetching = work(stop)
    const running = fetching.then(
      () => undefined,
      () => undefined,
    )
    this.#running.add(running)
    try {
      return await fetching
    } finally {
      this.#running.delete(running)
    }
  }
}

function x509Contexts(): StreamProfile<X509SvidResponse, X509Context> {
  const method = workloadApiService.FetchX509SVID
  return { method, read: readX509SvidResponse, digest: digestOfX509SvidResponse, wipe: wipeKeys }
}

function x509Bundles(): StreamProfile<X509BundlesResponse, X509BundleSet> {
  const method = workloadApiService.FetchX509Bundles
  return { method, read: readX509BundlesResponse, digest: digestOfX509BundlesResponse, wipe: () => {} }
}

function jwtBundles(): StreamProfile<JwtBundlesResponse, JwtBundleSet> {
  const method = workloadApiService.FetchJWTBundles
  return { method, read: readJwtBundlesResponse, digest: digestOfJwtBundlesResponse, wipe: () => {} }
}

function closedError(): SpiffeError {
  return new SpiffeError('ERR_WORKLOAD_API_CLOSED', 'the client of the Workload API was closed')
}
