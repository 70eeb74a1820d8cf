import { NativeError } from '../../native/index.js'
import { SpiffeError, type SpiffeErrorCode } from '../errors.js'

/** The verdicts of the data plane; what is not here (an addon that is not built, a panic) is no statement about an SVID. */
const codeOfNative: Readonly<Record<string, SpiffeErrorCode>> = {
  ERR_X509_SVID_MALFORMED: 'ERR_X509_SVID_MALFORMED',
  ERR_X509_SVID_INVALID: 'ERR_X509_SVID_INVALID',
  ERR_X509_SVID_UNTRUSTED: 'ERR_X509_SVID_UNTRUSTED',
  ERR_X509_SVID_EXPIRED: 'ERR_X509_SVID_EXPIRED',
  ERR_X509_SVID_NOT_YET_VALID: 'ERR_X509_SVID_NOT_YET_VALID',
  ERR_BUNDLE_INVALID: 'ERR_X509_BUNDLE_INVALID',
}

/** Runs one call of the data plane; its verdicts on X.509 become `SpiffeError`, anything else passes as it is. */
export function judged<Value>(call: () => Value): Value {
  try {
    return call()
  } catch (error) {
    const code = error instanceof NativeError ? codeOfNative[error.code] : undefined
    // The data plane bounds and escapes its texts, so they may be repeated.
    throw code === undefined || !(error instanceof Error)
      ? error
      : new SpiffeError(code, error.message, { cause: error })
  }
}
