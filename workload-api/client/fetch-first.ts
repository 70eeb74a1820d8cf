import { receiveStream } from './receive-stream.js'
import type { StreamProfile, WatchOptions } from './watch.js'

/**
 * The first message of one stream, checked. Rejects with why there is none, what is wrong with it, or the signal's
 * reason.
 */
export async function fetchFirst<Message, Value>(
  profile: StreamProfile<Message, Value>,
  options: Pick<WatchOptions, 'address' | 'firstMessageTimeoutMs' | 'signal'>,
): Promise<Value> {
  const enough = new AbortController()
  let first: { readonly value: Value } | undefined
  const reason = await receiveStream({
    ...options,
    method: profile.method,
    signal: AbortSignal.any([enough.signal, options.signal]),
    onMessage: (message) => {
      try {
        first = { value: profile.read(message) }
      } finally {
        profile.wipe(message)
      }
      enough.abort()
    },
  })
  if (first === undefined) throw reason
  return first.value
}
