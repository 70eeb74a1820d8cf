import { Client, connectivityState, credentials, status, type ServiceError } from '@grpc/grpc-js'
import { SpiffeError } from '../../workload-api/index.js'
import { signX509SvidMethod, type SignX509SvidRequest, type SignX509SvidResponse } from '../authority/index.js'

/** Far above any set of bundles, and a bound for a process that is not the authority it should be. */
const maxResponseBytes = 4 * 1024 * 1024

const channelOptions = {
  'grpc.max_receive_message_length': maxResponseBytes,
  // An authority that comes back is found at once; the pauses between requests are the source's own.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  // The end of the connection says that the authority went away, so it is kept when nothing is asked.
  'grpc.client_idle_timeout_ms': 2_147_483_647,
  'grpc.enable_retries': 0,
}

/** One connection to an embedded authority. */
export class AuthorityClient {
  readonly #client: Client
  readonly #deadlineMs: number
  #watched = false
  #closed = false

  /** `target` in grpc-js's form. */
  constructor(target: string, options: { readonly deadlineMs: number }) {
    this.#client = new Client(target, credentials.createInsecure(), channelOptions)
    this.#deadlineMs = options.deadlineMs
  }

  /** Throws grpc-js's `ServiceError`, and an `AbortError` when the signal fires. */
  signX509Svid(request: SignX509SvidRequest, signal: AbortSignal): Promise<SignX509SvidResponse> {
    const { path, requestSerialize, responseDeserialize } = signX509SvidMethod
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const deadline = Date.now() + this.#deadlineMs
      const abort = () => call.cancel()
      const call = this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        { deadline },
        (error, response) => {
          signal.removeEventListener('abort', abort)
          if (error) reject(error)
          else if (response) resolve(response)
          else reject(new SpiffeError('ERR_WORKLOAD_API_RESPONSE_INVALID', 'the authority answered nothing'))
        },
      )
      signal.addEventListener('abort', abort, { once: true })
    })
  }

  /** Calls `listener` when the connection that is there now is gone, unless by `close`. Once a connection. */
  onDisconnect(listener: () => void): void {
    const channel = this.#client.getChannel()
    if (this.#watched || channel.getConnectivityState(false) !== connectivityState.READY) return
    this.#watched = true
    channel.watchConnectivityState(connectivityState.READY, Number.POSITIVE_INFINITY, () => {
      this.#watched = false
      if (!this.#closed) listener()
    })
  }

  close(): void {
    this.#closed = true
    this.#client.close()
  }
}

/** Whether an error is a failed call, and with which status. */
export function grpcStatusOf(error: unknown): status | undefined {
  return isServiceError(error) ? error.code : undefined
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && error.code in status
}
