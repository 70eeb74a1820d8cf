import { Metadata, status } from '@grpc/grpc-js'
import { SpiffeError } from '../errors.js'

/** What grpc-js sends of an error: the code and `details`, nothing of the cause. */
export class WorkloadApiStatusError extends Error {
  override readonly name: string = 'WorkloadApiStatusError'
  readonly code: status
  readonly details: string
  readonly metadata = new Metadata()

  constructor(code: status, details: string, options?: ErrorOptions) {
    super(details, options)
    this.code = code
    this.details = details
  }
}

/** The one place where an error becomes what a caller is told: a fault of ours is not described to it. */
export function statusErrorFrom(error: unknown): WorkloadApiStatusError {
  if (error instanceof WorkloadApiStatusError) return error
  if (error instanceof SpiffeError && error.code === 'ERR_WORKLOAD_API_PERMISSION_DENIED') {
    return new WorkloadApiStatusError(status.PERMISSION_DENIED, 'no identity issued', { cause: error })
  }
  return new WorkloadApiStatusError(status.UNAVAILABLE, 'the identity cannot be served at the moment', { cause: error })
}
