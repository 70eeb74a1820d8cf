import { SpiffeError } from '../errors.js'
import { LatestValue } from '../latest-value.js'
import type { ReadyOptions, Source } from './source.js'

/** What feeds a source. */
export interface Sink<Value> {
  put(value: Value): void
  /** The last value must not be used any more, for this reason. */
  withdraw(reason: SpiffeError): void
  /** Why there is nothing newer; what is held stays. */
  fault(error: unknown): void
}

/**
 * Puts values into the sink until the signal fires. Throws what no waiting would mend; what it gave before is then still
 * used for as long as it is good.
 */
export type Feed<Value> = (sink: Sink<Value>, signal: AbortSignal) => Promise<void>

export interface LiveSourceOptions<Value> {
  /** Throws `SpiffeError` when a value has become unusable by the passing of time. */
  readonly assertUsable?: (value: Value) => void
  /** Told of every fault, one after another; must not throw. */
  readonly onFault?: (error: unknown) => void
}

type State<Value> =
  | { readonly kind: 'empty'; readonly reason?: unknown }
  | { readonly kind: 'held'; readonly value: Value }
  | { readonly kind: 'closed' }

const defaultReadyTimeoutMs = 30_000

/** The one implementation of a source's life: holding, waiting, telling all readers, closing. */
export class LiveSource<Value> implements Source<Value> {
  readonly #options: LiveSourceOptions<Value>
  readonly #closing = new AbortController()
  readonly #readers = new Set<LatestValue<Value>>()
  readonly #running: Promise<void>
  #state: State<Value> = { kind: 'empty' }
  /** What no waiting would mend. */
  #failure: Error | undefined

  protected constructor(feed: Feed<Value>, options: LiveSourceOptions<Value> = {}) {
    this.#options = options
    this.#running = this.#run(feed)
  }

  snapshot(): Value {
    if (this.#state.kind === 'closed') throw closedError()
    if (this.#state.kind === 'empty') {
      const { reason } = this.#state
      if (this.#failure) throw this.#failure
      throw reason instanceof SpiffeError && reason.code !== 'ERR_SOURCE_NOT_READY' ? reason : notReady(reason)
    }
    this.#options.assertUsable?.(this.#state.value)
    return this.#state.value
  }

  async ready({ timeoutMs = defaultReadyTimeoutMs, signal }: ReadyOptions = {}): Promise<Value> {
    signal?.throwIfAborted()
    if (this.#state.kind === 'held') return this.snapshot()
    const stop = new AbortController()
    const abort = (): void => stop.abort()
    const deadline = setTimeout(abort, timeoutMs)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      for await (const _ of this.updates({ signal: stop.signal })) return this.snapshot()
    } finally {
      clearTimeout(deadline)
      signal?.removeEventListener('abort', abort)
    }
    signal?.throwIfAborted()
    if (this.#state.kind === 'closed') throw closedError()
    throw notReady(this.#state.kind === 'empty' ? this.#state.reason : undefined)
  }

  async *updates({ signal }: { readonly signal?: AbortSignal } = {}): AsyncGenerator<Value, void, undefined> {
    if (this.#state.kind === 'closed' || signal?.aborted === true) return
    const reader = new LatestValue<Value>()
    if (this.#state.kind === 'held') reader.put(this.#state.value)
    if (this.#failure) reader.end(this.#failure)
    const stop = (): void => reader.end()
    signal?.addEventListener('abort', stop, { once: true })
    this.#readers.add(reader)
    try {
      yield* reader.read()
    } finally {
      this.#readers.delete(reader)
      signal?.removeEventListener('abort', stop)
    }
  }

  async close(): Promise<void> {
    this.#state = { kind: 'closed' }
    this.#closing.abort()
    for (const reader of this.#readers) reader.end()
    await this.#running
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #run(feed: Feed<Value>): Promise<void> {
    try {
      await feed(this.#sink(), this.#closing.signal)
    } catch (error) {
      if (this.#closing.signal.aborted) return
      this.#failure = error instanceof Error ? error : new Error(String(error))
      this.#options.onFault?.(error)
      for (const reader of this.#readers) reader.end(this.#failure)
    }
  }

  #sink(): Sink<Value> {
    return {
      put: (value) => {
        if (this.#state.kind === 'closed') return
        this.#state = { kind: 'held', value }
        for (const reader of this.#readers) reader.put(value)
      },
      withdraw: (reason) => {
        if (this.#state.kind !== 'closed') this.#state = { kind: 'empty', reason }
        // Not read yet, and not to be acted on any more.
        for (const reader of this.#readers) reader.clear()
        this.#options.onFault?.(reason)
      },
      fault: (error) => {
        if (this.#state.kind === 'empty') this.#state = { kind: 'empty', reason: error }
        this.#options.onFault?.(error)
      },
    }
  }
}

/** Never changes. */
export function fixed<Value>(value: Value): Feed<Value> {
  return (sink) => {
    sink.put(value)
    return Promise.resolve()
  }
}

function closedError(): SpiffeError {
  return new SpiffeError('ERR_SOURCE_CLOSED', 'the source was closed')
}

function notReady(cause: unknown): SpiffeError {
  const options = cause === undefined ? {} : { cause }
  return new SpiffeError('ERR_SOURCE_NOT_READY', 'the source has nothing to give yet', options)
}
