/** Every code an error of the TPM's addon can have. */
export type TpmErrorCode =
  /** `ERR_TPM_NOT_BUILT`, `_NOT_LOADABLE`, `_VERSION`: the addon itself. */
  | 'ERR_TPM_NOT_BUILT'
  | 'ERR_TPM_NOT_LOADABLE'
  | 'ERR_TPM_VERSION'
  /** Nothing answers; the TPM has to be opened anew. */
  | 'ERR_TPM_LOST'
  /** No answer in time; until the call returns every operation fails so. */
  | 'ERR_TPM_TIMEOUT'
  | 'ERR_TPM_BUSY'
  /** libtss2's plugin for this kind of connection is not installed. */
  | 'ERR_TPM_NO_TRANSPORT'
  | 'ERR_TPM_IN_USE'
  | 'ERR_TPM_AUTHORIZATION'
  | 'ERR_TPM_LOCKOUT'
  /** Another TPM's key, or this one's of before it was cleared. */
  | 'ERR_TPM_FOREIGN_KEY'
  | 'ERR_TPM_CORRUPT_KEY'
  | 'ERR_TPM_NOT_SUPPORTED'
  | 'ERR_TPM_INVALID'
  | 'ERR_TPM_MEMORY'
  | 'ERR_TPM_FAILURE'
  | 'ERR_TPM_CLOSED'
  | 'ERR_TPM_OTHER'

const codes: ReadonlySet<string> = new Set<TpmErrorCode>([
  'ERR_TPM_LOST',
  'ERR_TPM_TIMEOUT',
  'ERR_TPM_BUSY',
  'ERR_TPM_NO_TRANSPORT',
  'ERR_TPM_IN_USE',
  'ERR_TPM_AUTHORIZATION',
  'ERR_TPM_LOCKOUT',
  'ERR_TPM_FOREIGN_KEY',
  'ERR_TPM_CORRUPT_KEY',
  'ERR_TPM_NOT_SUPPORTED',
  'ERR_TPM_INVALID',
  'ERR_TPM_MEMORY',
  'ERR_TPM_FAILURE',
  'ERR_TPM_CLOSED',
  'ERR_TPM_OTHER',
])

function isCode(code: unknown): code is TpmErrorCode {
  return typeof code === 'string' && codes.has(code)
}

/** What `Tpm` throws, or rejects with; the message ends with the TPM's own number where there is one. */
export class TpmError extends Error {
  override readonly name: string = 'TpmError'
  readonly code: TpmErrorCode

  constructor(code: TpmErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The one way an error of the addon becomes ours. A value of the wrong type is a mistake of the caller's. */
export function toTpmError(error: unknown): Error {
  if (error instanceof TpmError) return error
  if (!(error instanceof Error) || !('code' in error)) {
    return new TpmError('ERR_TPM_OTHER', 'the addon threw something that is not its own', { cause: error })
  }
  if (isCode(error.code)) return new TpmError(error.code, error.message, { cause: error })
  return new TypeError(error.message, { cause: error })
}
