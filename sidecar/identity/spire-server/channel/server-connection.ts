import type { Client } from '@grpc/grpc-js'
import {
  authorizeId,
  parseSpiffeId,
  type Authorizer,
  type SpiffeId,
  type TrustDomain,
} from '../../../../workload-api/index.js'
import type { SpireError } from '../spire-error.js'

/** A way to one SPIRE server for gRPC calls. */
export interface ServerConnection {
  readonly client: Client
  /** Why a call begun at `since` got no answer from the server; undefined when the connection knows nothing of it. */
  fault(since: Date): Promise<SpireError | undefined>
  close(): Promise<void>
}

/** The one ID a server of the trust domain has; who presents another one is not it, though the bundle vouches for it. */
export function serverIdOf(trustDomain: TrustDomain): SpiffeId {
  return parseSpiffeId(`spiffe://${trustDomain}/spire/server`)
}

export function authorizeServer(trustDomain: TrustDomain): Authorizer {
  return authorizeId(serverIdOf(trustDomain))
}

/** A bundle set of many entries has megabytes; an honest page of entries far less than one. */
const maxMessageBytes = 10 * 1024 * 1024

/** For a channel to the server at `authority` (`host:port`), however it is reached. */
export function channelOptions(authority: string) {
  return {
    'grpc.default_authority': authority,
    'grpc.max_receive_message_length': maxMessageBytes,
    // Each connection belongs to one agent SVID, and is closed with it.
    'grpc.use_local_subchannel_pool': 1,
    // The pauses between attempts are the source's own.
    'grpc.initial_reconnect_backoff_ms': 200,
    'grpc.max_reconnect_backoff_ms': 2000,
    'grpc.enable_retries': 0,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
  }
}
