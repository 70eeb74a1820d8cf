import { ParsecError } from '../../errors.js'
import { ResponseStatus, type ResponseStatusName } from '../../response-status.js'
import { ckr, nameOfReturnValue } from './cryptoki.js'
import { CallFailure, ModuleLost } from './module-failure.js'

interface Meaning {
  readonly status: ResponseStatusName
  /** What an operator needs to know beyond the name of the return value. */
  readonly advice?: string
}

const pinAdvice = 'the PIN of the configuration is not the one of the token'
const lostAdvice = 'the token does not answer'

/** Cryptoki's return values in Parsec's words. What is not here is a `PsaErrorCommunicationFailure`, as in Parsec. */
const meanings: Readonly<Partial<Record<keyof typeof ckr, Meaning>>> = {
  CKR_HOST_MEMORY: { status: 'PsaErrorInsufficientMemory' },
  CKR_DEVICE_MEMORY: {
    status: 'PsaErrorInsufficientStorage',
    advice: 'the token is full: see "svidecar keys check" for keys nobody uses',
  },
  CKR_DEVICE_ERROR: { status: 'PsaErrorHardwareFailure', advice: lostAdvice },
  CKR_DEVICE_REMOVED: { status: 'PsaErrorHardwareFailure', advice: lostAdvice },
  CKR_TOKEN_NOT_PRESENT: { status: 'PsaErrorHardwareFailure', advice: lostAdvice },
  CKR_TOKEN_NOT_RECOGNIZED: { status: 'PsaErrorHardwareFailure', advice: lostAdvice },
  CKR_TOKEN_WRITE_PROTECTED: { status: 'PsaErrorNotPermitted', advice: 'the token takes no new objects' },
  CKR_SESSION_READ_ONLY: { status: 'PsaErrorNotPermitted', advice: 'the token takes no new objects' },
  CKR_FUNCTION_NOT_SUPPORTED: { status: 'PsaErrorNotSupported' },
  CKR_MECHANISM_INVALID: { status: 'PsaErrorNotSupported' },
  CKR_MECHANISM_PARAM_INVALID: { status: 'PsaErrorNotSupported' },
  CKR_CURVE_NOT_SUPPORTED: { status: 'PsaErrorNotSupported' },
  CKR_DOMAIN_PARAMS_INVALID: { status: 'PsaErrorNotSupported' },
  CKR_KEY_SIZE_RANGE: { status: 'PsaErrorNotSupported' },
  CKR_ATTRIBUTE_VALUE_INVALID: { status: 'PsaErrorNotSupported' },
  CKR_TEMPLATE_INCONSISTENT: { status: 'PsaErrorNotSupported' },
  CKR_KEY_FUNCTION_NOT_PERMITTED: { status: 'PsaErrorNotPermitted' },
  CKR_ATTRIBUTE_SENSITIVE: { status: 'PsaErrorNotPermitted' },
  CKR_KEY_HANDLE_INVALID: { status: 'PsaErrorDoesNotExist' },
  CKR_OBJECT_HANDLE_INVALID: { status: 'PsaErrorDoesNotExist' },
  CKR_DATA_INVALID: { status: 'PsaErrorInvalidArgument' },
  CKR_DATA_LEN_RANGE: { status: 'PsaErrorInvalidArgument' },
  CKR_RANDOM_NO_RNG: { status: 'PsaErrorInsufficientEntropy' },
  CKR_PIN_INCORRECT: { status: 'PsaErrorNotPermitted', advice: pinAdvice },
  CKR_PIN_INVALID: { status: 'PsaErrorNotPermitted', advice: pinAdvice },
  CKR_PIN_LEN_RANGE: { status: 'PsaErrorNotPermitted', advice: pinAdvice },
  CKR_PIN_EXPIRED: { status: 'PsaErrorNotPermitted', advice: "set a new PIN with the token's own tool" },
  CKR_PIN_LOCKED: { status: 'PsaErrorNotPermitted', advice: "the token's security officer must unlock it" },
  CKR_USER_PIN_NOT_INITIALIZED: { status: 'PsaErrorBadState', advice: 'the token has no user PIN yet: set one' },
}

const byNumber = new Map<number, Meaning>(
  Object.entries(meanings).flatMap(([name, meaning]) => (meaning ? [[ckr[name as keyof typeof ckr], meaning]] : [])),
)

/** The one conversion of a failed call into what a provider throws. Whatever is no failed call passes unchanged. */
export function parsecErrorOf(error: unknown, what: string): unknown {
  if (error instanceof ModuleLost) {
    return new ParsecError(ResponseStatus.PsaErrorCommunicationFailure, `${what}: ${error.message}`, { cause: error })
  }
  if (!(error instanceof CallFailure)) return error
  if (error.returnValue === undefined) {
    return new ParsecError(ResponseStatus.PsaErrorGenericError, `${what}: ${error.message}`, { cause: error })
  }
  const { status, advice } = byNumber.get(error.returnValue) ?? { status: 'PsaErrorCommunicationFailure' }
  const said = `${what}: ${nameOfReturnValue(error.returnValue)}${advice === undefined ? '' : `, ${advice}`}`
  return new ParsecError(ResponseStatus[status], said, { cause: error })
}

function oneOf(error: unknown, ...values: readonly (keyof typeof ckr)[]): boolean {
  return error instanceof CallFailure && values.some((name) => ckr[name] === error.returnValue)
}

/** The PIN was looked at and is wrong. */
export function isRefusedPin(error: unknown): boolean {
  return oneOf(error, 'CKR_PIN_INCORRECT', 'CKR_PIN_INVALID', 'CKR_PIN_LEN_RANGE')
}

/** The handle of a key means nothing to the token any more. */
export function isLostKey(error: unknown): boolean {
  return oneOf(error, 'CKR_KEY_HANDLE_INVALID', 'CKR_OBJECT_HANDLE_INVALID')
}

/** What opening the token again may mend: a session or a login that is gone, a device that was away. */
export function isLostToken(error: unknown): boolean {
  const lost = [
    'CKR_SESSION_HANDLE_INVALID',
    'CKR_SESSION_CLOSED',
    'CKR_USER_NOT_LOGGED_IN',
    'CKR_DEVICE_REMOVED',
    'CKR_TOKEN_NOT_PRESENT',
    'CKR_TOKEN_NOT_RECOGNIZED',
    'CKR_SLOT_ID_INVALID',
    'CKR_CRYPTOKI_NOT_INITIALIZED',
  ] as const
  return oneOf(error, ...lost)
}

/** May mean a lost token or a request it could not serve; opening it again for nothing would cost its session objects. */
export function isDoubtful(error: unknown): boolean {
  return oneOf(error, 'CKR_DEVICE_ERROR', 'CKR_GENERAL_ERROR', 'CKR_FUNCTION_FAILED')
}
