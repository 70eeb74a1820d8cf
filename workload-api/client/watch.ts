import { setTimeout as sleep } from 'node:timers/promises'
import type { MethodDefinition } from '@grpc/grpc-js'
import type { EndpointAddress } from '../endpoint/endpoint-address.js'
import { SpiffeError } from '../errors.js'
import { backoffDelayMs, type BackoffOptions } from './backoff.js'
import { receiveStream } from './receive-stream.js'
import { isFinal } from './status.js'
import { WatchLifecycle, type WatchState } from './watch-state.js'

/** One of the Workload API's streams: what it is called, how to check a message, and when two say the same. */
export interface StreamProfile<Message, Value> {
  readonly method: MethodDefinition<object, Message>
  /** Throws `SpiffeError` for a message that must be discarded. */
  readonly read: (message: Message) => Value
  readonly digest: (message: Message) => string
  /** Called when a message is done with, whether it was read or not. */
  readonly wipe: (message: Message) => void
}

export interface WatchOptions {
  readonly address: EndpointAddress
  readonly backoff: BackoffOptions
  readonly firstMessageTimeoutMs: number
  readonly onState: (state: WatchState) => void
  readonly signal: AbortSignal
}

/** One attempt at the stream. */
interface Attempt {
  readonly startedAt: number
  readonly end: AbortController
  /** Runs towards asking anew for what had to be discarded. */
  timer: NodeJS.Timeout | undefined
  askAgain: boolean
  good: boolean
}

/** Follows one stream through every reconnection until its signal fires or asking again is pointless. */
export class Watch<Message, Value> {
  readonly #profile: StreamProfile<Message, Value>
  readonly #options: WatchOptions
  readonly #put: (value: Value) => void
  readonly #lifecycle: WatchLifecycle
  /** Of the last value handed over, unless the agent has taken it back since. */
  #shown: string | undefined
  #failures = 0

  constructor(profile: StreamProfile<Message, Value>, options: WatchOptions, put: (value: Value) => void) {
    this.#profile = profile
    this.#options = options
    this.#put = put
    this.#lifecycle = new WatchLifecycle(options.onState)
  }

  /**
   * Resolves when the signal fires.
   *
   * @throws {SpiffeError} `ERR_WORKLOAD_API_INVALID_ARGUMENT` or `ERR_WORKLOAD_API_UNIMPLEMENTED`
   */
  async run(): Promise<void> {
    const { signal } = this.#options
    while (!signal.aborted) await this.#attempt()
    this.#lifecycle.to({ kind: 'closed' })
  }

  async #attempt(): Promise<void> {
    const { signal, address, firstMessageTimeoutMs } = this.#options
    const end = new AbortController()
    const attempt: Attempt = { startedAt: Date.now(), end, timer: undefined, askAgain: false, good: false }
    // By hand: on Node 20 each AbortSignal.any leaves a trace in the long-lived signal, and attempts go on for ever.
    const stop = () => end.abort(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    this.#lifecycle.to({ kind: 'connecting' })
    const reason = await receiveStream({
      address,
      method: this.#profile.method,
      firstMessageTimeoutMs,
      signal: end.signal,
      onMessage: (message) => this.#receive(message, attempt),
    })
    signal.removeEventListener('abort', stop)
    clearTimeout(attempt.timer)
    // The pause before asking again was made while the stream was open.
    if (signal.aborted || attempt.askAgain) return
    if (!(reason instanceof SpiffeError)) throw reason
    await this.#pause(reason, attempt)
  }

  #receive(message: Message, attempt: Attempt): void {
    try {
      const digest = this.#profile.digest(message)
      // Checked before, and an SVID that expired meanwhile was going to anyway.
      const value = digest === this.#shown ? undefined : this.#profile.read(message)
      clearTimeout(attempt.timer)
      attempt.timer = undefined
      attempt.good = true
      this.#lifecycle.to({ kind: 'streaming' })
      this.#shown = digest
      if (value !== undefined) this.#put(value)
    } catch (error) {
      if (!(error instanceof SpiffeError)) throw error
      this.#discard(error, attempt)
    } finally {
      this.#profile.wipe(message)
    }
  }

  /**
   * Workload API section 4.5: what is held stays, and so does the stream. A fault may pass without the agent knowing (a
   * clock is set, for one) and it would not send the message again, so it is asked anew after a while.
   */
  #discard(fault: SpiffeError, attempt: Attempt): void {
    if (attempt.timer === undefined) {
      this.#forgive(attempt)
      this.#failures += 1
      const delay = backoffDelayMs(this.#failures, this.#options.backoff)
      attempt.timer = setTimeout(() => {
        attempt.askAgain = true
        attempt.end.abort()
      }, delay)
      this.#lifecycle.to({ kind: 'streaming', fault, retryAt: new Date(Date.now() + delay) })
    } else {
      const { state } = this.#lifecycle
      const retryAt = state.kind === 'streaming' ? state.retryAt : undefined
      this.#lifecycle.to({ kind: 'streaming', fault, ...(retryAt && { retryAt }) })
    }
  }

  /** Not at once: a server that answers and hangs up would have us dialling in a loop. */
  #forgive(attempt: Attempt): void {
    if (attempt.good && Date.now() - attempt.startedAt >= this.#options.backoff.maxMs) this.#failures = 0
  }

  async #pause(error: SpiffeError, attempt: Attempt): Promise<void> {
    const { backoff, signal } = this.#options
    if (isFinal(error)) {
      this.#lifecycle.to({ kind: 'closed', error })
      throw error
    }
    // Taken back (Workload API section 5.2.1): if it is given again, that is news.
    if (error.code === 'ERR_WORKLOAD_API_PERMISSION_DENIED') this.#shown = undefined
    this.#forgive(attempt)
    const delay = backoffDelayMs(this.#failures, backoff)
    this.#failures += 1
    this.#lifecycle.to({ kind: 'waiting', error, retryAt: new Date(Date.now() + delay) })
    try {
      await sleep(delay, undefined, { signal })
    } catch {
      // The signal fired, which the loop sees by itself.
    }
  }
}
