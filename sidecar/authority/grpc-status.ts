import { Metadata, status } from '@grpc/grpc-js'
import { ParsecError, ResponseStatus } from '../../parsec-core/index.js'
import { SpiffeError } from '../../workload-api/index.js'
import { AuthorityError, type AuthorityErrorCode } from './errors.js'

const statusOf: Readonly<Record<AuthorityErrorCode, status>> = {
  ERR_AUTHORITY_STATE: status.INTERNAL,
  ERR_AUTHORITY_REQUEST: status.INVALID_ARGUMENT,
  ERR_AUTHORITY_NOT_ENTITLED: status.PERMISSION_DENIED,
  ERR_AUTHORITY_BUSY: status.RESOURCE_EXHAUSTED,
  ERR_AUTHORITY_CANNOT_SIGN: status.UNAVAILABLE,
}

/** What a certificate request can be told off for; every other status is the provider's own trouble. */
const requestFaults: ReadonlySet<ResponseStatus> = new Set([
  ResponseStatus.PsaErrorInvalidArgument,
  ResponseStatus.PsaErrorNotSupported,
  ResponseStatus.PsaErrorInvalidSignature,
])

/** Runs the reading of a request; what is wrong with it becomes `ERR_AUTHORITY_REQUEST`. */
export function readingRequest<Value>(read: () => Value): Value {
  try {
    return read()
  } catch (error) {
    const theirs = error instanceof SpiffeError || (error instanceof ParsecError && requestFaults.has(error.status))
    throw theirs ? new AuthorityError('ERR_AUTHORITY_REQUEST', error.message, { cause: error }) : error
  }
}

/** What grpc-js sends of an error. */
export class StatusError extends Error {
  override readonly name = 'StatusError'
  readonly code: status
  readonly details: string
  readonly metadata = new Metadata()

  constructor(code: status, details: string, options?: ErrorOptions) {
    super(details, options)
    this.code = code
    this.details = details
  }
}

/** The one place where an error becomes what a caller is told. A fault of ours is not described to it. */
export function serviceErrorOf(error: unknown): StatusError {
  if (error instanceof AuthorityError && statusOf[error.code] !== status.INTERNAL) {
    return new StatusError(statusOf[error.code], error.message, { cause: error })
  }
  const code = error instanceof ParsecError ? status.UNAVAILABLE : status.INTERNAL
  return new StatusError(code, 'the authority cannot sign at the moment', { cause: error })
}
