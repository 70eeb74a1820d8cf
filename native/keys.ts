import { crossing, crossingAsync } from './errors.js'
import { addon } from './loader.js'

/** Held until it is released or the process ends, however it ends. */
export interface FileLock {
  release(): void
}

/** The signatures over hashes the data plane's library makes: each curve with its own hash. */
export type HashSignatureName =
  | 'EcdsaSha256'
  | 'EcdsaSha384'
  | 'EcdsaSha512'
  | 'RsaPkcs1v15Sha256'
  | 'RsaPkcs1v15Sha384'
  | 'RsaPkcs1v15Sha512'
  | 'RsaPssSha256'
  | 'RsaPssSha384'
  | 'RsaPssSha512'

/**
 * Takes the lock of the file at `path` (`flock`), which is made when it is not there and stays; undefined when it is
 * held, by another process or by this one.
 *
 * @throws {NativeError} `ERR_PERMISSION` or `ERR_IO`
 */
export function lockFile(path: string): FileLock | undefined {
  return crossing(() => addon().lockFile(path)) ?? undefined
}

/**
 * Signs a hash that was made elsewhere; ECDSA gives r and s side by side. `pkcs8` stays the caller's, to wipe.
 *
 * @throws {NativeError} `ERR_INVALID_ARGUMENT` when key or hash do not fit, `ERR_SIGNER_FAILED`
 */
export function signHash(name: HashSignatureName, pkcs8: Uint8Array, hash: Uint8Array): Promise<Uint8Array> {
  return crossingAsync(() => addon().signHash(name, pkcs8, hash))
}

/**
 * Whether a signature over a hash is the key's: an uncompressed point, or PKCS#1 `RSAPublicKey`.
 *
 * @throws {NativeError} `ERR_INVALID_ARGUMENT` when the hash does not fit
 */
export function verifyHash(
  name: HashSignatureName,
  publicKey: Uint8Array,
  hash: Uint8Array,
  signature: Uint8Array,
): boolean {
  return crossing(() => addon().verifyHash(name, publicKey, hash, signature))
}
