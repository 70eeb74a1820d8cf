import {
  status,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type Metadata,
  type Server,
  type ServerWritableStream,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { workloadApiService } from '../proto/workload-service.js'
import type { X509Context } from '../x509/x509-context.js'
import { statusErrorFrom, WorkloadApiStatusError } from './status-error.js'
import { hasSecurityHeader } from './security-check.js'
import { assertComplete, x509BundlesMethod, x509SvidMethod } from './x509-methods.js'

/** Where the Workload API gets its answers from. */
export interface WorkloadApiServiceOptions {
  /**
   * The contexts of one caller: what holds now first and at once, then the whole state at each change. The next one is
   * asked for when the caller took the last, so that a slow caller costs one context. The signal fires when the caller
   * is gone. Ending, or throwing a `SpiffeError` with `ERR_WORKLOAD_API_PERMISSION_DENIED`, tells the caller that it has
   * no identity (any more); any other error tells it that the service is not available, and nothing else.
   *
   * `peer` is what the connection calls its other end (`call.getPeer()`), as whoever accepted it set it.
   */
  readonly watchX509Context: (peer: string, signal: AbortSignal) => AsyncIterable<X509Context>
  /** Told why a call was refused or failed; must not throw. */
  readonly onError?: (error: Error, peer: string) => void
}

type Stream<Response> = ServerWritableStream<object, Response>

/**
 * Adds the SPIFFE Workload API to a gRPC server, beside whatever else it serves: `FetchX509SVID` and
 * `FetchX509Bundles`; the methods of the JWT profile answer `Unimplemented`. Who a caller is must be known from its
 * connection (Workload Endpoint section 5: no direct authentication), so the server must be reachable only through
 * listeners that set it.
 */
export function addWorkloadApi(server: Server, options: WorkloadApiServiceOptions): void {
  const { FetchJWTSVID, FetchJWTBundles, ValidateJWTSVID } = workloadApiService
  const definition = {
    FetchX509SVID: x509SvidMethod(),
    FetchX509Bundles: x509BundlesMethod(),
    FetchJWTSVID,
    FetchJWTBundles,
    ValidateJWTSVID,
  }
  const unimplemented: handleUnaryCall<object, object> = (call, callback) => callback(notOffered(call.metadata))
  const unimplementedStream: handleServerStreamingCall<object, object> = (call) =>
    call.emit('error', notOffered(call.metadata))
  const implementation: UntypedServiceImplementation = {
    FetchX509SVID: (call: Stream<X509Context>) => void serve(call, options, always),
    FetchX509Bundles: (call: Stream<X509Context>) => void serve(call, options, whenBundlesChange()),
    FetchJWTSVID: unimplemented,
    FetchJWTBundles: unimplementedStream,
    ValidateJWTSVID: unimplemented,
  }
  server.addService(definition, implementation)
}

type Filter = (context: X509Context) => boolean

const always: Filter = () => true

/** SVIDs rotate far more often than bundles, and who asks for bundles alone need not hear of it. */
function whenBundlesChange(): Filter {
  let sent: X509Context['bundles'] | undefined
  return ({ bundles }) => {
    const same =
      sent?.size === bundles.size &&
      [...bundles].every(([trustDomain, bundle]) => sent?.get(trustDomain)?.equals(bundle) === true)
    if (!same) sent = bundles
    return !same
  }
}

async function serve(call: Stream<X509Context>, options: WorkloadApiServiceOptions, isNews: Filter): Promise<void> {
  const gone = new AbortController()
  call.on('cancelled', () => gone.abort())
  call.on('close', () => gone.abort())
  try {
    if (!hasSecurityHeader(call.metadata)) throw securityHeaderMissing()
    for await (const context of options.watchX509Context(call.getPeer(), gone.signal)) {
      if (gone.signal.aborted) return
      // Not left to the serialisation, of whose failure grpc-js tells us nothing.
      assertComplete(context)
      if (isNews(context)) await write(call, context, gone.signal)
    }
    if (!gone.signal.aborted) throw new WorkloadApiStatusError(status.PERMISSION_DENIED, 'no identity issued')
  } catch (error) {
    if (gone.signal.aborted) return
    const answer = statusErrorFrom(error)
    options.onError?.(error instanceof Error ? error : answer, call.getPeer())
    call.emit('error', answer)
  }
}

/** Resolves when the message is on its way, or nobody waits for it any more: one message per stream is held, no queue. */
function write(call: Stream<X509Context>, context: X509Context, gone: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => resolve()
    gone.addEventListener('abort', leave, { once: true })
    call.write(context, (error?: Error | null) => {
      gone.removeEventListener('abort', leave)
      if (error) reject(error)
      else resolve()
    })
  })
}

function notOffered(metadata: Metadata): WorkloadApiStatusError {
  if (!hasSecurityHeader(metadata)) return securityHeaderMissing()
  return new WorkloadApiStatusError(status.UNIMPLEMENTED, 'JWT-SVIDs are not offered')
}

function securityHeaderMissing(): WorkloadApiStatusError {
  return new WorkloadApiStatusError(status.INVALID_ARGUMENT, 'security header missing from request')
}
