import type { Server } from '@grpc/grpc-js'
import { addWorkloadApi, SpiffeError, type X509Context } from '../../workload-api/index.js'
import { errorText, type LogFields } from '../log/logger.js'
import { parseCaller } from './caller.js'
import { AuthorityError } from './errors.js'
import type { WorkloadContexts } from './workload-contexts.js'

/** Serves the Workload API to callers known by their uid. */
export function addWorkloadApiFor(
  server: Server,
  contexts: WorkloadContexts,
  onRefusal: (message: string, fields: LogFields) => void,
): void {
  addWorkloadApi(server, {
    watchX509Context: (peer, signal) => contextsOf(contexts, peer, signal),
    onError: (error, peer) =>
      onRefusal('a Workload API call failed', { ...parseCaller(peer), error: errorText(error) }),
  })
}

async function* contextsOf(
  contexts: WorkloadContexts,
  peer: string,
  signal: AbortSignal,
): AsyncGenerator<X509Context, void, undefined> {
  const caller = parseCaller(peer)
  // Ending without a context tells the caller that it has no identity.
  if (!caller) return
  try {
    yield* contexts.contextsFor(caller.uid, signal)
  } catch (error) {
    if (!(error instanceof AuthorityError) || error.code !== 'ERR_AUTHORITY_NOT_ENTITLED') throw error
    throw new SpiffeError('ERR_WORKLOAD_API_PERMISSION_DENIED', error.message, { cause: error })
  }
}
