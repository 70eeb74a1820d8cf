import { Client, credentials, Metadata, type ChannelOptions, type MethodDefinition } from '@grpc/grpc-js'
import type { EndpointAddress } from '../endpoint/endpoint-address.js'
import { securityHeader } from '../endpoint/security-header.js'
import { SpiffeError } from '../errors.js'
import { workloadApiErrorFrom } from './status.js'

/** Larger than any honest message: some thousand federated bundles. */
export const maxMessageBytes = 10 * 1024 * 1024

const channelOptions: ChannelOptions = {
  'grpc.max_receive_message_length': maxMessageBytes,
  // Each stream has a connection of its own, dialled anew: the pauses between attempts are the watch's, and a socket
  // that was removed and made again under the same name is found.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  // Finds a peer that is gone without a word; more often than every five minutes, gRPC servers in Go hang up.
  'grpc.keepalive_time_ms': 360_000,
  'grpc.keepalive_timeout_ms': 20_000,
}

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
  const client = new Client(address.target, credentials.createInsecure(), channelOptions)
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
    const metadata = new Metadata()
    metadata.set(securityHeader.name, securityHeader.value)
    const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {}, metadata)
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
    const firstMessage = setTimeout(() => end(silent(address)), options.firstMessageTimeoutMs)
    // Stays to the end: cancelling raises one more error, which nobody waits for any more.
    call.on('error', (error) => end(workloadApiErrorFrom(error, address)))
    call.on('end', () => end(ended(address)))
    call.on('data', receive)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
  })
}

function silent({ display }: EndpointAddress): SpiffeError {
  return new SpiffeError(
    'ERR_WORKLOAD_API_TIMEOUT',
    `the Workload API at "${display}" accepts connections but is silent`,
  )
}

function ended({ display }: EndpointAddress): SpiffeError {
  return new SpiffeError('ERR_WORKLOAD_API_UNAVAILABLE', `the Workload API at "${display}" ended the stream`)
}
