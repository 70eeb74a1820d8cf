/** Every code an error of the data plane can have. */
export type NativeErrorCode =
  | 'ERR_NATIVE_NOT_BUILT'
  | 'ERR_NATIVE_NOT_LOADABLE'
  | 'ERR_NATIVE_VERSION'
  | 'ERR_NATIVE_INTERNAL'
  | 'ERR_INVALID_ARGUMENT'
  | 'ERR_BUNDLE_INVALID'
  | 'ERR_X509_SVID_MALFORMED'
  | 'ERR_X509_SVID_INVALID'
  | 'ERR_X509_SVID_UNTRUSTED'
  | 'ERR_X509_SVID_EXPIRED'
  | 'ERR_X509_SVID_NOT_YET_VALID'
  | 'ERR_IDENTITY_INVALID'
  | 'ERR_IDENTITY_KEY_MISMATCH'
  | 'ERR_SIGNER_FAILED'
  | 'ERR_ADDRESS_IN_USE'
  | 'ERR_ADDRESS_NOT_AVAILABLE'
  | 'ERR_PERMISSION'
  | 'ERR_SOCKET_IN_USE'
  | 'ERR_SOCKET_NOT_OURS'
  | 'ERR_IO'
  | 'ERR_CLOSED'

const codes: ReadonlySet<string> = new Set<NativeErrorCode>([
  'ERR_INVALID_ARGUMENT',
  'ERR_BUNDLE_INVALID',
  'ERR_X509_SVID_MALFORMED',
  'ERR_X509_SVID_INVALID',
  'ERR_X509_SVID_UNTRUSTED',
  'ERR_X509_SVID_EXPIRED',
  'ERR_X509_SVID_NOT_YET_VALID',
  'ERR_IDENTITY_INVALID',
  'ERR_IDENTITY_KEY_MISMATCH',
  'ERR_SIGNER_FAILED',
  'ERR_ADDRESS_IN_USE',
  'ERR_ADDRESS_NOT_AVAILABLE',
  'ERR_PERMISSION',
  'ERR_SOCKET_IN_USE',
  'ERR_SOCKET_NOT_OURS',
  'ERR_IO',
  'ERR_CLOSED',
])

function isCode(code: unknown): code is NativeErrorCode {
  return typeof code === 'string' && codes.has(code)
}

/** What the data plane throws, or rejects with; `cause` is the addon's own error. */
export class NativeError extends Error {
  override readonly name: string = 'NativeError'
  readonly code: NativeErrorCode

  constructor(code: NativeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The one way an error of the addon becomes ours. A value of the wrong type is a mistake of the caller's. */
export function toNativeError(error: unknown): Error {
  if (error instanceof NativeError) return error
  if (!(error instanceof Error) || !('code' in error)) {
    return new NativeError('ERR_NATIVE_INTERNAL', 'the addon threw something that is not its own', { cause: error })
  }
  if (isCode(error.code)) return new NativeError(error.code, error.message, { cause: error })
  const expected = String(error.code)
  if (expected === 'InvalidArg' || expected.endsWith('Expected')) return new TypeError(error.message, { cause: error })
  return new NativeError('ERR_NATIVE_INTERNAL', error.message, { cause: error })
}

/** Runs a call into the addon and converts what it throws. */
export function crossing<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw toNativeError(error)
  }
}

/** The same for a call that gives a promise. */
export async function crossingAsync<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw toNativeError(error)
  }
}
