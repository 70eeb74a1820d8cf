import {
  status,
  type sendUnaryData,
  type Server,
  type ServerUnaryCall,
  type ServerWritableStream,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import type { JwtBundleSet } from '../bundle/jwt-bundle.js'
import type { JwtSvid } from '../jwt-svid/jwt-svid.js'
import type {
  JwtSvidRequest,
  JwtSvidResponse,
  ValidateJwtSvidRequest,
  ValidateJwtSvidResponse,
} from '../proto/jwt-messages.js'
import { workloadApiService } from '../proto/workload-service.js'
import type { X509Context } from '../x509/x509-context.js'
import {
  assertHasBundle,
  jwtBundlesMethod,
  jwtSvidResponse,
  readOrder,
  validate,
  type JwtSvidOrder,
} from './jwt-methods.js'
import { WorkloadApiStatusError } from './status-error.js'
import { serveStream } from './stream-call.js'
import { serveUnary } from './unary-call.js'
import { assertComplete, x509BundlesMethod, x509SvidMethod } from './x509-methods.js'

/**
 * Where the Workload API gets its answers from. `peer` is what the connection calls its other end (`call.getPeer()`), as
 * whoever accepted it set it. A signal fires when the caller is gone. Ending, or throwing a `SpiffeError` with
 * `ERR_WORKLOAD_API_PERMISSION_DENIED`, tells the caller that it has no identity (any more); any other error tells it
 * that the service is not available, and nothing else.
 */
export interface WorkloadApiServiceOptions {
  /**
   * The contexts of one caller: what holds now first and at once, then the whole state at each change. The next one is
   * asked for when the caller took the last, so that a slow caller costs one context.
   */
  readonly watchX509Context: (peer: string, signal: AbortSignal) => AsyncIterable<X509Context>
  /**
   * The JWT bundles of one caller, that of its own trust domain among them; as `watchX509Context`. Tokens are validated
   * by the first. Without it the JWT profile answers `Unimplemented`.
   */
  readonly watchJwtBundles?: (peer: string, signal: AbortSignal) => AsyncIterable<JwtBundleSet>
  /**
   * Tokens for the identity that was asked for, or for every one of the caller, each with the whole audience. Without it
   * none are issued: `Unimplemented`.
   */
  readonly fetchJwtSvids?: (peer: string, order: JwtSvidOrder, signal: AbortSignal) => Promise<readonly JwtSvid[]>
  /** Told why a call was refused or failed; must not throw. */
  readonly onError?: (error: Error, peer: string) => void
}

/**
 * Adds the SPIFFE Workload API to a gRPC server, beside whatever else it serves. Who a caller is must be known from its
 * connection (Workload Endpoint section 5: no direct authentication), so the server must be reachable only through
 * listeners that set it.
 */
export function addWorkloadApi(server: Server, options: WorkloadApiServiceOptions): void {
  const { FetchJWTSVID, ValidateJWTSVID } = workloadApiService
  const definition = {
    FetchX509SVID: x509SvidMethod(),
    FetchX509Bundles: x509BundlesMethod(),
    FetchJWTSVID,
    FetchJWTBundles: jwtBundlesMethod(),
    ValidateJWTSVID,
  }
  server.addService(definition, { ...x509Calls(options), ...jwtCalls(options) })
}

function x509Calls({ watchX509Context, onError }: WorkloadApiServiceOptions): UntypedServiceImplementation {
  type Call = ServerWritableStream<object, X509Context>
  const watch = watchX509Context
  return {
    FetchX509SVID: (call: Call) => void serveStream(call, { watch, assertComplete, isNews: () => true }, onError),
    // SVIDs rotate far more often than bundles, and who asks for bundles alone need not hear of it.
    FetchX509Bundles: (call: Call) => {
      const isNews = whenMapsChange(({ bundles }: X509Context) => bundles)
      void serveStream(call, { watch, assertComplete, isNews }, onError)
    },
  }
}

function jwtCalls(options: WorkloadApiServiceOptions): UntypedServiceImplementation {
  const { fetchJwtSvids, watchJwtBundles, onError } = options
  const watch = watchJwtBundles ?? notOffered
  return {
    FetchJWTSVID: (
      call: ServerUnaryCall<JwtSvidRequest, JwtSvidResponse>,
      callback: sendUnaryData<JwtSvidResponse>,
    ) => {
      const answer = async (request: JwtSvidRequest, peer: string, signal: AbortSignal): Promise<JwtSvidResponse> => {
        if (fetchJwtSvids === undefined) return notOffered()
        const order = readOrder(request)
        return jwtSvidResponse(await fetchJwtSvids(peer, order, signal), order)
      }
      void serveUnary(call, callback, answer, onError)
    },
    FetchJWTBundles: (call: ServerWritableStream<object, JwtBundleSet>) => {
      const isNews = whenMapsChange((bundles: JwtBundleSet) => bundles)
      void serveStream(call, { watch, assertComplete: assertHasBundle, isNews }, onError)
    },
    ValidateJWTSVID: (
      call: ServerUnaryCall<ValidateJwtSvidRequest, ValidateJwtSvidResponse>,
      callback: sendUnaryData<ValidateJwtSvidResponse>,
    ) => {
      const answer = async (request: ValidateJwtSvidRequest, peer: string, signal: AbortSignal) =>
        validate(request, await firstOf(watch(peer, signal)))
      void serveUnary(call, callback, answer, onError)
    },
  }
}

async function firstOf<Value>(values: AsyncIterable<Value>): Promise<Value> {
  for await (const value of values) return value
  throw new WorkloadApiStatusError(status.PERMISSION_DENIED, 'no identity issued')
}

function notOffered(): never {
  throw new WorkloadApiStatusError(status.UNIMPLEMENTED, 'JWT-SVIDs are not offered')
}

interface Comparable<Self> {
  equals(other: Self): boolean
}

/** Remembers what was sent last; says whether the next has anything else. */
function whenMapsChange<Value, Key, Item extends Comparable<Item>>(
  mapOf: (value: Value) => ReadonlyMap<Key, Item>,
): (value: Value) => boolean {
  let sent: ReadonlyMap<Key, Item> | undefined
  return (value) => {
    const map = mapOf(value)
    const same = sent?.size === map.size && [...map].every(([key, item]) => sent?.get(key)?.equals(item) === true)
    if (!same) sent = map
    return !same
  }
}
