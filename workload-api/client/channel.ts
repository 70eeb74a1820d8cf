import { Client, credentials, Metadata, type ChannelOptions } from '@grpc/grpc-js'
import type { EndpointAddress } from '../endpoint/endpoint-address.js'
import { securityHeader } from '../endpoint/security-header.js'
import { SpiffeError } from '../errors.js'

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

export function dial(address: EndpointAddress): Client {
  return new Client(address.target, credentials.createInsecure(), channelOptions)
}

export function callMetadata(): Metadata {
  const metadata = new Metadata()
  metadata.set(securityHeader.name, securityHeader.value)
  return metadata
}

export function silentError({ display }: EndpointAddress): SpiffeError {
  const message = `the Workload API at "${display}" accepts connections but is silent`
  return new SpiffeError('ERR_WORKLOAD_API_TIMEOUT', message)
}
