import { createHash, type KeyObject } from 'node:crypto'
import { invalidArgument } from '../errors.js'
import { DerReader } from './der-reader.js'
import {
  derBitString,
  derBoolean,
  derContext,
  derInteger,
  derObjectIdentifier,
  derOctetString,
  derSequence,
} from './der-writer.js'

/** RFC 5280, 4.2.1.3: the number of each bit. */
const keyUsageBits = { digitalSignature: 0, keyCertSign: 5, cRLSign: 6 } as const
export type KeyUsage = keyof typeof keyUsageBits

/** RFC 5280, 4.2.1.12. */
const purposes = { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' } as const
export type ExtendedKeyUsage = keyof typeof purposes

/** One `Extension` (RFC 5280, 4.1): `critical` is written only when true, as DER demands of a default. */
function x509Extension(identifier: string, critical: boolean, value: Uint8Array): Buffer {
  const flag = critical ? [derBoolean(true)] : []
  return derSequence(derObjectIdentifier(identifier), ...flag, derOctetString(value))
}

/** A subjectAltName of exactly one URI. */
export function uriSubjectAlternativeName(uri: string, options: { readonly critical: boolean }): Buffer {
  // IA5String: anything outside ASCII would be read back as something else.
  if (!/^[\u0021-\u007e]+$/u.test(uri)) throw invalidArgument('a URI has printable ASCII characters only')
  return x509Extension('2.5.29.17', options.critical, derSequence(derContext(6, false, Buffer.from(uri, 'ascii'))))
}

/** Always written and critical, for a leaf too: a strict reader does not take its absence for "no CA". */
export function basicConstraints(ca: boolean, pathLength?: number): Buffer {
  const contents = ca ? [derBoolean(true), ...(pathLength === undefined ? [] : [derInteger(pathLength)])] : []
  return x509Extension('2.5.29.19', true, derSequence(...contents))
}

export function keyUsage(usages: readonly KeyUsage[]): Buffer {
  const byte = usages.reduce((bits, usage) => bits | (0x80 >> keyUsageBits[usage]), 0)
  // DER: a named bit list ends with its last set bit.
  const unused = byte === 0 ? 0 : Math.log2(byte & -byte)
  return x509Extension('2.5.29.15', true, derBitString(byte === 0 ? Buffer.alloc(0) : Buffer.of(byte), unused))
}

export function extendedKeyUsage(usages: readonly ExtendedKeyUsage[]): Buffer {
  const identifiers = usages.map((usage) => derObjectIdentifier(purposes[usage]))
  return x509Extension('2.5.29.37', false, derSequence(...identifiers))
}

export function subjectKeyIdentifier(identifier: Uint8Array): Buffer {
  return x509Extension('2.5.29.14', false, derOctetString(identifier))
}

export function authorityKeyIdentifier(identifier: Uint8Array): Buffer {
  return x509Extension('2.5.29.35', false, derSequence(derContext(0, false, identifier)))
}

/** RFC 7093, method 1: the first 160 bits of the SHA-256 of the public key's bits. */
export function keyIdentifierOf(publicKey: KeyObject): Uint8Array {
  const fields = new DerReader(new DerReader(publicKey.export({ type: 'spki', format: 'der' })).read(0x30).contents)
  fields.read(0x30)
  const bits = fields.read(0x03).contents.subarray(1)
  return createHash('sha256').update(bits).digest().subarray(0, 20)
}
