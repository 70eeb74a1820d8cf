import { resolveEndpointAddress, type EndpointAddress } from '../endpoint/endpoint-address.js'
import { SpiffeError } from '../errors.js'
import { LatestValue } from '../latest-value.js'
import type { X509BundlesResponse, X509SvidResponse } from '../proto/messages.js'
import { workloadApiService } from '../proto/workload-service.js'
import type { X509BundleSet } from '../x509/x509-bundle.js'
import type { X509Context } from '../x509/x509-context.js'
import { defaultBackoff, type BackoffOptions } from './backoff.js'
import { fetchFirst } from './fetch-first.js'
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
 * A client of the SPIFFE Workload API, X.509 profile. Every watch and every fetch has a connection of its own. Nothing
 * is handed out that was not checked: key against leaf, ID, leaf rules, chain against bundle, validity.
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

  async #fetch<Message, Value>(profile: StreamProfile<Message, Value>, { signal }: FetchOptions): Promise<Value> {
    const stop = AbortSignal.any([this.#closed.signal, ...(signal ? [signal] : [])])
    stop.throwIfAborted()
    const fetching = fetchFirst(profile, {
      address: this.address,
      firstMessageTimeoutMs: this.#firstMessageTimeoutMs,
      signal: stop,
    })
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

function closedError(): SpiffeError {
  return new SpiffeError('ERR_WORKLOAD_API_CLOSED', 'the client of the Workload API was closed')
}
