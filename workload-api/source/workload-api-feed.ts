import type { WatchState } from '../client/watch-state.js'
import { WorkloadApiClient, type WatchCallOptions } from '../client/workload-api-client.js'
import { SpiffeError } from '../errors.js'
import type { Feed } from './live-source.js'

/** Where a source gets its material from, and what it does when it is told that there is none. */
export interface WorkloadApiSourceOptions {
  /** `unix:///path` and the like; `SPIFFE_ENDPOINT_SOCKET` when neither this nor a client is given. */
  readonly address?: string
  /** Used instead of one of the source's own; the caller closes it. */
  readonly client?: WorkloadApiClient
  /**
   * Whether what was given before is used on when the agent takes it back (`PermissionDenied`). False by default: it is
   * withdrawn at once (Workload API section 5.2.1). An agent that restarts may say so for a moment.
   */
  readonly keepWhenDenied?: boolean
  /** Told every change of a watch's state; must not throw. */
  readonly onState?: (state: WatchState) => void
  /** Told of every fault; must not throw. */
  readonly onFault?: (error: unknown) => void
}

/** The client of a source, and whether the source closes it. */
export class SourceClient {
  readonly client: WorkloadApiClient
  readonly #own: boolean

  /** @throws {SpiffeError} `ERR_ENDPOINT_ADDRESS_INVALID` or `ERR_ENDPOINT_ADDRESS_MISSING` */
  constructor({ address, client }: WorkloadApiSourceOptions) {
    this.#own = client === undefined
    this.client = client ?? new WorkloadApiClient(address === undefined ? {} : { address })
  }

  /** The same feed, with a client of its own closed behind it. */
  whileFeeding<Value>(feed: Feed<Value>): Feed<Value> {
    return async (sink, signal) => {
      try {
        await feed(sink, signal)
      } finally {
        if (this.#own) await this.client.close()
      }
    }
  }
}

/** Feeds a source from one of the client's watches: the last value stays while the agent is away, and not when it denies. */
export function watchFeed<Message, Value>(
  watch: (options: WatchCallOptions) => AsyncIterable<Message>,
  valueOf: (message: Message) => Value,
  { keepWhenDenied = false, onState }: WorkloadApiSourceOptions,
): Feed<Value> {
  return async (sink, signal) => {
    const follow = (state: WatchState): void => {
      onState?.(state)
      const error = faultOf(state)
      if (error === undefined) return
      if (error.code === 'ERR_WORKLOAD_API_PERMISSION_DENIED' && !keepWhenDenied) sink.withdraw(error)
      else sink.fault(error)
    }
    for await (const message of watch({ signal, onState: follow })) {
      try {
        sink.put(valueOf(message))
      } catch (error) {
        if (!(error instanceof SpiffeError)) throw error
        sink.withdraw(error)
      }
    }
  }
}

function faultOf(state: WatchState): SpiffeError | undefined {
  if (state.kind === 'waiting') return state.error
  return state.kind === 'streaming' ? state.fault : undefined
}
