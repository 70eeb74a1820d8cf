import { ResponseStatus, responseStatusName, type ResponseStatusName } from './response-status.js'

/**
 * The failure of an operation on a key or a provider. `status` is Parsec's own number, so that the wire protocol can
 * answer it unchanged; the message is for people and never holds key bytes or a PIN.
 */
export class ParsecError extends Error {
  override readonly name: string = 'ParsecError'
  readonly status: ResponseStatus

  constructor(status: ResponseStatus, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }

  get statusName(): ResponseStatusName {
    return responseStatusName(this.status) ?? 'PsaErrorGenericError'
  }
}

/** Runs a step of a provider; whatever it throws that is not ours already becomes `status`, with the cause kept. */
export async function withStatus<Value>(
  status: ResponseStatus,
  message: string,
  step: () => Value | Promise<Value>,
): Promise<Value> {
  try {
    return await step()
  } catch (error) {
    throw error instanceof ParsecError ? error : new ParsecError(status, message, { cause: error })
  }
}

/** Whether a device said that it no longer has the key. */
export function isGone(error: unknown): error is ParsecError {
  return error instanceof ParsecError && error.status === ResponseStatus.PsaErrorDoesNotExist
}

export function notSupported(message: string): ParsecError {
  return new ParsecError(ResponseStatus.PsaErrorNotSupported, message)
}

export function invalidArgument(message: string, options?: ErrorOptions): ParsecError {
  return new ParsecError(ResponseStatus.PsaErrorInvalidArgument, message, options)
}
