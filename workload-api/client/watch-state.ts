import type { SpiffeError } from '../errors.js'

/**
 * Where a watch is. `connecting` until the first message of a stream; `streaming` until the stream ends; `waiting` for
 * the next attempt; `closed` for good.
 *
 * | from         | to                                                  |
 * | ------------ | --------------------------------------------------- |
 * | `idle`       | `connecting`, `closed`                              |
 * | `connecting` | `streaming`, `waiting`, `closed`                    |
 * | `streaming`  | `streaming`, `connecting`, `waiting`, `closed`      |
 * | `waiting`    | `connecting`, `closed`                              |
 */
export type WatchState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting' }
  /** `fault`: the last message was discarded and what came before it stays; it is asked for again at `retryAt`. */
  | { readonly kind: 'streaming'; readonly fault?: SpiffeError; readonly retryAt?: Date }
  | { readonly kind: 'waiting'; readonly error: SpiffeError; readonly retryAt: Date }
  /** `error`: what no further attempt would mend; absent after an abort. */
  | { readonly kind: 'closed'; readonly error?: SpiffeError }

const followers: Readonly<Record<WatchState['kind'], readonly WatchState['kind'][]>> = {
  idle: ['connecting', 'closed'],
  connecting: ['streaming', 'waiting', 'closed'],
  streaming: ['streaming', 'connecting', 'waiting', 'closed'],
  waiting: ['connecting', 'closed'],
  closed: [],
}

/** The one place where a watch changes its state; every change is told. */
export class WatchLifecycle {
  readonly #onState: (state: WatchState) => void
  #state: WatchState = { kind: 'idle' }

  constructor(onState: (state: WatchState) => void) {
    this.#onState = onState
  }

  get state(): WatchState {
    return this.#state
  }

  to(next: WatchState): void {
    if (!followers[this.#state.kind].includes(next.kind)) {
      throw new TypeError(`a watch cannot go from ${this.#state.kind} to ${next.kind}`)
    }
    this.#state = next
    this.#onState(next)
  }
}
