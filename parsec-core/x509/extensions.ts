import { invalidArgument } from '../errors.js'
import { derBoolean, derContext, derObjectIdentifier, derOctetString, derSequence } from './der-writer.js'

/** One `Extension` (RFC 5280, 4.1): `critical` is written only when true, as DER demands of a default. */
export function x509Extension(identifier: string, critical: boolean, value: Uint8Array): Buffer {
  const flag = critical ? [derBoolean(true)] : []
  return derSequence(derObjectIdentifier(identifier), ...flag, derOctetString(value))
}

/** A subjectAltName of exactly one URI. */
export function uriSubjectAlternativeName(uri: string, options: { readonly critical: boolean }): Buffer {
  // IA5String: anything outside ASCII would be read back as something else.
  if (!/^[\u0021-\u007e]+$/u.test(uri)) throw invalidArgument('a URI has printable ASCII characters only')
  return x509Extension('2.5.29.17', options.critical, derSequence(derContext(6, false, Buffer.from(uri, 'ascii'))))
}
