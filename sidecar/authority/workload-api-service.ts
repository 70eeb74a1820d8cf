import type { Server } from '@grpc/grpc-js'
import { addWorkloadApi, SpiffeError } from '../../workload-api/index.js'
import { errorText, type LogFields } from '../log/logger.js'
import { parseCaller } from './caller.js'
import { AuthorityError } from './errors.js'
import type { WorkloadContexts } from './workload-contexts.js'

/** Serves the whole Workload API to callers known by their uid. */
export function addWorkloadApiFor(
  server: Server,
  contexts: WorkloadContexts,
  onRefusal: (message: string, fields: LogFields) => void,
): void {
  addWorkloadApi(server, {
    watchX509Context: (peer, signal) => watchFor(peer, (uid) => contexts.contextsFor(uid, signal)),
    watchJwtBundles: (peer, signal) => watchFor(peer, (uid) => contexts.jwtBundlesFor(uid, signal)),
    fetchJwtSvids: async (peer, order) => {
      const uid = requireUid(peer)
      return contexts.jwtSvidsFor(uid, order).catch((error: unknown) => {
        throw asWorkloadApiError(error)
      })
    },
    onError: (error, peer) =>
      onRefusal('a Workload API call failed', { ...parseCaller(peer), error: errorText(error) }),
  })
}

async function* watchFor<Value>(
  peer: string,
  watch: (uid: number) => AsyncIterable<Value>,
): AsyncGenerator<Value, void, undefined> {
  try {
    yield* watch(requireUid(peer))
  } catch (error) {
    throw asWorkloadApiError(error)
  }
}

function requireUid(peer: string): number {
  const caller = parseCaller(peer)
  if (caller) return caller.uid
  throw new SpiffeError('ERR_WORKLOAD_API_PERMISSION_DENIED', 'the caller is not known')
}

function asWorkloadApiError(error: unknown): unknown {
  if (!(error instanceof AuthorityError) || error.code !== 'ERR_AUTHORITY_NOT_ENTITLED') return error
  return new SpiffeError('ERR_WORKLOAD_API_PERMISSION_DENIED', error.message, { cause: error })
}
