import { createPrivateKey, type KeyObject } from 'node:crypto'
import { sequenceEnd } from '../encoding/der.js'
import { SpiffeError } from '../errors.js'

/**
 * Reads an unencrypted PKCS#8 key that fills its bytes exactly. The bytes stay the caller's, to wipe.
 *
 * @throws {SpiffeError} `ERR_X509_SVID_KEY_INVALID`; without a cause, as OpenSSL's errors may quote what they read
 */
export function readPrivateKey(pkcs8: Uint8Array): KeyObject {
  if (sequenceEnd(pkcs8, 0) !== pkcs8.length) throw keyInvalid()
  try {
    const key = Buffer.from(pkcs8.buffer, pkcs8.byteOffset, pkcs8.byteLength)
    return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
  } catch {
    throw keyInvalid()
  }
}

function keyInvalid(): SpiffeError {
  return new SpiffeError('ERR_X509_SVID_KEY_INVALID', 'the private key is not one unencrypted PKCS#8 structure in DER')
}
