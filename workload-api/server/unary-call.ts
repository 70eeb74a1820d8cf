import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js'
import { hasSecurityHeader, securityHeaderMissing } from './security-check.js'
import { statusErrorFrom } from './status-error.js'
import type { OnCallError } from './stream-call.js'

/** Answers one call with what `answer` makes of its request; the signal fires when the caller is gone. */
export async function serveUnary<Request, Response>(
  call: ServerUnaryCall<Request, Response>,
  callback: sendUnaryData<Response>,
  answer: (request: Request, peer: string, signal: AbortSignal) => Promise<Response>,
  onError: OnCallError | undefined,
): Promise<void> {
  const gone = new AbortController()
  call.on('cancelled', () => gone.abort())
  try {
    if (!hasSecurityHeader(call.metadata)) throw securityHeaderMissing()
    callback(null, await answer(call.request, call.getPeer(), gone.signal))
  } catch (error) {
    const refusal = statusErrorFrom(error)
    if (!gone.signal.aborted) onError?.(error instanceof Error ? error : refusal, call.getPeer())
    callback(refusal)
  }
}
