import type { Client, MethodDefinition } from '@grpc/grpc-js'
import type { EndpointAddress } from '../endpoint/endpoint-address.js'
import { SpiffeError } from '../errors.js'
import { callMetadata, dial, silentError } from './channel.js'
import { workloadApiErrorFrom } from './status.js'

export interface ReceiveOptions<Message> {
  readonly address: EndpointAddress
  readonly method: MethodDefinition<object, Message>
  /** The first message must be here by then: a server owes it at once (Workload API section 4.3). */
  readonly firstMessageTimeoutMs: number
  readonly signal: AbortSignal
  readonly onMessage: (message: Message) => void
}

/**
 * Makes one call on a connection of its own and hands over its messages until it ends; resolves to the reason, a
 * `SpiffeError` unless the signal fired or `onMessage` threw. A server never ends a stream for good, so there is always
 * a reason.
 */
export async function receiveStream<Message>(options: ReceiveOptions<Message>): Promise<unknown> {
  const { address } = options
  const client = dial(address)
  try {
    return await untilEnd(client, options)
  } finally {
    client.close()
  }
}

function untilEnd<Message>(client: Client, options: ReceiveOptions<Message>): Promise<unknown> {
  const { address, method, signal, onMessage } = options
  return new Promise((resolve) => {
    const { path, requestSerialize, responseDeserialize } = method
    const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {}, callMetadata())
    const end = (reason: unknown) => {
      clearTimeout(firstMessage)
      signal.removeEventListener('abort', onAbort)
      call.removeListener('data', receive)
      call.cancel()
      resolve(reason)
    }
    const receive = (message: Message) => {
      clearTimeout(firstMessage)
      try {
        onMessage(message)
      } catch (error) {
        end(error)
      }
    }
    const onAbort = () => end(signal.reason)
    const firstMessage = setTimeout(() => end(silentError(address)), options.firstMessageTimeoutMs)
    // Stays to the end: cancelling raises one more error, which nobody waits for any more.
    call.on('error', (error) => end(workloadApiErrorFrom(error, address)))
    call.on('end', () => end(ended(address)))
    call.on('data', receive)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
  })
}

function ended({ display }: EndpointAddress): SpiffeError {
  return new SpiffeError('ERR_WORKLOAD_API_UNAVAILABLE', `the Workload API at "${display}" ended the stream`)
}
