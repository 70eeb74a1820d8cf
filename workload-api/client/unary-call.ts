import { status, type MethodDefinition } from '@grpc/grpc-js'
import type { EndpointAddress } from '../endpoint/endpoint-address.js'
import { callMetadata, dial, silentError } from './channel.js'
import { workloadApiErrorFrom } from './status.js'

export interface UnaryCall<Request, Response> {
  readonly address: EndpointAddress
  readonly method: MethodDefinition<Request, Response>
  readonly request: Request
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/**
 * Asks once, on a connection of its own.
 *
 * @throws {SpiffeError} `ERR_WORKLOAD_API_…`
 * @throws the signal's reason when it fires
 */
export async function unaryCall<Request, Response>(options: UnaryCall<Request, Response>): Promise<Response> {
  const { address, method, request, timeoutMs, signal } = options
  const { path, requestSerialize, responseDeserialize } = method
  signal.throwIfAborted()
  const client = dial(address)
  let stop = (): void => {}
  try {
    return await new Promise<Response>((resolve, reject) => {
      const deadline = Date.now() + timeoutMs
      const call = client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        callMetadata(),
        { deadline },
        (error, response) => {
          if (signal.aborted) reject(signal.reason)
          else if (error?.code === status.DEADLINE_EXCEEDED) reject(silentError(address))
          else if (error) reject(workloadApiErrorFrom(error, address))
          else if (response) resolve(response)
        },
      )
      stop = () => call.cancel()
      signal.addEventListener('abort', stop, { once: true })
    })
  } finally {
    signal.removeEventListener('abort', stop)
    client.close()
  }
}
