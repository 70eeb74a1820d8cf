import { TpmError, type TpmErrorCode } from '../../../native/index.js'
import { ParsecError } from '../../errors.js'
import { ResponseStatus } from '../../response-status.js'

const statuses: Readonly<Record<TpmErrorCode, ResponseStatus>> = {
  ERR_TPM_NOT_BUILT: ResponseStatus.PsaErrorNotSupported,
  ERR_TPM_NOT_LOADABLE: ResponseStatus.PsaErrorNotSupported,
  ERR_TPM_VERSION: ResponseStatus.PsaErrorNotSupported,
  ERR_TPM_LOST: ResponseStatus.PsaErrorCommunicationFailure,
  ERR_TPM_TIMEOUT: ResponseStatus.PsaErrorCommunicationFailure,
  ERR_TPM_BUSY: ResponseStatus.PsaErrorCommunicationFailure,
  ERR_TPM_NO_TRANSPORT: ResponseStatus.PsaErrorCommunicationFailure,
  ERR_TPM_IN_USE: ResponseStatus.PsaErrorCommunicationFailure,
  ERR_TPM_AUTHORIZATION: ResponseStatus.PsaErrorNotPermitted,
  ERR_TPM_LOCKOUT: ResponseStatus.PsaErrorNotPermitted,
  ERR_TPM_FOREIGN_KEY: ResponseStatus.PsaErrorDoesNotExist,
  ERR_TPM_CORRUPT_KEY: ResponseStatus.PsaErrorDataCorrupt,
  ERR_TPM_NOT_SUPPORTED: ResponseStatus.PsaErrorNotSupported,
  ERR_TPM_INVALID: ResponseStatus.PsaErrorInvalidArgument,
  ERR_TPM_MEMORY: ResponseStatus.PsaErrorInsufficientMemory,
  ERR_TPM_FAILURE: ResponseStatus.PsaErrorHardwareFailure,
  ERR_TPM_CLOSED: ResponseStatus.PsaErrorBadState,
  ERR_TPM_OTHER: ResponseStatus.PsaErrorGenericError,
}

/** After these nothing works until the TPM is opened anew. */
const lost: ReadonlySet<TpmErrorCode> = new Set<TpmErrorCode>([
  'ERR_TPM_LOST',
  'ERR_TPM_TIMEOUT',
  'ERR_TPM_NO_TRANSPORT',
  'ERR_TPM_IN_USE',
  'ERR_TPM_AUTHORIZATION',
  'ERR_TPM_LOCKOUT',
  'ERR_TPM_FAILURE',
])

/** Whether an operation that failed so leaves the connection useless. */
export function meansLost(error: unknown): error is TpmError {
  return error instanceof TpmError && lost.has(error.code)
}

/** The one way an error of the TPM's becomes Parsec's. */
export function toParsecError(error: unknown): unknown {
  if (!(error instanceof TpmError)) return error
  return new ParsecError(statuses[error.code], error.message, { cause: error })
}
