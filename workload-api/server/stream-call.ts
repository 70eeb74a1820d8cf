import { status, type ServerWritableStream } from '@grpc/grpc-js'
import { statusErrorFrom, WorkloadApiStatusError } from './status-error.js'
import { hasSecurityHeader, securityHeaderMissing } from './security-check.js'

/** Told why a call was refused or failed; must not throw. */
export type OnCallError = (error: Error, peer: string) => void

type Call<Value> = ServerWritableStream<object, Value>

/** One kind of stream. */
export interface StreamSource<Value> {
  readonly watch: (peer: string, signal: AbortSignal) => AsyncIterable<Value>
  /** Throws for a value that cannot be sent: of a serialisation that fails grpc-js tells us nothing. */
  readonly assertComplete: (value: Value) => void
  /** Whether a value differs from the one before in what is sent of it. */
  readonly isNews: (value: Value) => boolean
}

/** Answers one call with the values of its source until the caller is gone or the source ends. */
export async function serveStream<Value>(
  call: Call<Value>,
  source: StreamSource<Value>,
  onError: OnCallError | undefined,
): Promise<void> {
  const gone = new AbortController()
  call.on('cancelled', () => gone.abort())
  call.on('close', () => gone.abort())
  try {
    if (!hasSecurityHeader(call.metadata)) throw securityHeaderMissing()
    for await (const value of source.watch(call.getPeer(), gone.signal)) {
      if (gone.signal.aborted) return
      source.assertComplete(value)
      if (source.isNews(value)) await write(call, value, gone.signal)
    }
    if (!gone.signal.aborted) throw new WorkloadApiStatusError(status.PERMISSION_DENIED, 'no identity issued')
  } catch (error) {
    if (gone.signal.aborted) return
    const answer = statusErrorFrom(error)
    onError?.(error instanceof Error ? error : answer, call.getPeer())
    call.emit('error', answer)
  }
}

/** Resolves when the message is on its way, or nobody waits for it any more: one message per stream is held, no queue. */
function write<Value>(call: Call<Value>, value: Value, gone: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => resolve()
    gone.addEventListener('abort', leave, { once: true })
    call.write(value, (error?: Error | null) => {
      gone.removeEventListener('abort', leave)
      if (error) reject(error)
      else resolve()
    })
  })
}
