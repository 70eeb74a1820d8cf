/**
 * Why the embedded authority does not do something.
 *
 * - `ERR_AUTHORITY_STATE`: `data_dir` holds something that is not its own state, or cannot be used.
 * - `ERR_AUTHORITY_REQUEST`: the request itself is wrong.
 * - `ERR_AUTHORITY_NOT_ENTITLED`: the caller's registration does not include what it asks for.
 * - `ERR_AUTHORITY_BUSY`: the caller asks too often.
 * - `ERR_AUTHORITY_CANNOT_SIGN`: there is no authority whose key can sign at the moment.
 */
export type AuthorityErrorCode =
  | 'ERR_AUTHORITY_STATE'
  | 'ERR_AUTHORITY_REQUEST'
  | 'ERR_AUTHORITY_NOT_ENTITLED'
  | 'ERR_AUTHORITY_BUSY'
  | 'ERR_AUTHORITY_CANNOT_SIGN'

export class AuthorityError extends Error {
  override readonly name: string = 'AuthorityError'
  readonly code: AuthorityErrorCode

  constructor(code: AuthorityErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
