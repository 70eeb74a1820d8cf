import { createPublicKey, verify, type KeyObject } from 'node:crypto'
import { describeAlgorithm } from '../algorithm.js'
import { invalidArgument, ParsecError } from '../errors.js'
import { attributesOfKey } from '../key-format.js'
import { ResponseStatus } from '../response-status.js'
import type { Signer } from '../signer.js'
import { DerReader, type DerElement } from './der-reader.js'
import { derContext, derInteger, derNull, derObjectIdentifier, derSequence, derSet } from './der-writer.js'
import { uriSubjectAlternativeName } from './extensions.js'
import { algorithmOfX509Identifier, signX509Structure } from './signature-algorithm.js'

const extensionRequest = '1.2.840.113549.1.9.14'

/** Enough for an RSA key of 4096 bits and an ID of 2048 bytes. */
const maxRequestBytes = 8192

/**
 * The key kinds as a SubjectPublicKeyInfo names them, to the byte. Anything else is refused before OpenSSL sees it:
 * curves given by explicit parameters have been a way to forge keys and to keep a verifier busy.
 */
const keyIdentifiers: readonly Buffer[] = [
  ...['1.2.840.10045.3.1.7', '1.3.132.0.34', '1.3.132.0.35'].map((curve) =>
    derSequence(derObjectIdentifier('1.2.840.10045.2.1'), derObjectIdentifier(curve)),
  ),
  derSequence(derObjectIdentifier('1.2.840.113549.1.1.1'), derNull()),
]

/**
 * A certificate request (PKCS#10, RFC 2986) for any signer's key: empty subject, one URI subject alternative name,
 * critical as RFC 5280 (4.2.1.6) demands of it beside an empty subject. DER. Throws `ParsecError`.
 */
export async function createCertificateRequest(signer: Signer, options: { readonly uri: string }): Promise<Uint8Array> {
  const extensions = derSequence(uriSubjectAlternativeName(options.uri, { critical: true }))
  const attribute = derSequence(derObjectIdentifier(extensionRequest), derSet(extensions))
  const info = derSequence(
    derInteger(0),
    derSequence(),
    signer.publicKey.export({ type: 'spki', format: 'der' }),
    derContext(0, true, attribute),
  )
  return signX509Structure(signer, info)
}

/**
 * The public key of a request whose signature proves that its sender holds the private one. Names and extensions in it
 * are the sender's wishes and are not read. Throws `ParsecError`: `PsaErrorInvalidArgument` for what is no request,
 * `PsaErrorNotSupported` for a key or algorithm of another kind, `PsaErrorInvalidSignature`.
 */
export function verifyCertificateRequest(der: Uint8Array): KeyObject {
  if (der.length > maxRequestBytes) throw invalidArgument(`the request is longer than ${maxRequestBytes} bytes`)
  const { info, identifier, signature } = splitRequest(der)
  const algorithm = algorithmOfX509Identifier(identifier.raw)
  if (!algorithm) throw unsupported('the request is signed with an algorithm that is not supported')
  const publicKey = publicKeyOfInfo(info)
  const { hash, keyKind } = describeAlgorithm(algorithm)
  if (attributesOfKey(publicKey).keyType.kind !== keyKind) throw unsupported('the key does not fit the algorithm')
  if (!verify(hash, info.raw, publicKey, signature)) {
    throw new ParsecError(ResponseStatus.PsaErrorInvalidSignature, 'the request is not signed by the key it names')
  }
  return publicKey
}

function splitRequest(der: Uint8Array) {
  const outer = new DerReader(der)
  const fields = new DerReader(outer.read(0x30).contents)
  outer.end()
  const info = fields.read(0x30)
  const identifier = fields.read(0x30)
  const { contents } = fields.read(0x03)
  fields.end()
  if (contents[0] !== 0) throw invalidArgument('the signature is not made of whole bytes')
  return { info, identifier, signature: contents.subarray(1) }
}

function publicKeyOfInfo(info: DerElement): KeyObject {
  const fields = new DerReader(info.contents)
  if (!Buffer.from(fields.read(0x02).contents).equals(Buffer.of(0))) throw invalidArgument('not a request of version 1')
  fields.read(0x30)
  const spki = fields.read(0x30)
  fields.read(0xa0)
  fields.end()
  const identifier = new DerReader(spki.contents).read(0x30).raw
  if (!keyIdentifiers.some((known) => known.equals(identifier)))
    throw unsupported('the key is of a kind that is not supported')
  let key: KeyObject
  try {
    key = createPublicKey({ key: Buffer.from(spki.raw), format: 'der', type: 'spki' })
  } catch (error) {
    throw invalidArgument('the request has no readable public key', { cause: error })
  }
  // The size is looked at before the key is used: a huge modulus would make one verification a denial of service.
  attributesOfKey(key)
  return key
}

function unsupported(message: string): ParsecError {
  return new ParsecError(ResponseStatus.PsaErrorNotSupported, message)
}
