import { createECDH, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { invalidArgument, notSupported, ParsecError } from './errors.js'
import type { KeyAttributes, KeyLifetime } from './key-attributes.js'
import { signingKeyAttributes, signingKeyTypeOf } from './signing-keys.js'
import { DerReader } from './x509/der-reader.js'
import {
  derBitString,
  derContext,
  derInteger,
  derObjectIdentifier,
  derOctetString,
  derSequence,
} from './x509/der-writer.js'

/** PSA's key formats against `node:crypto`'s KeyObject (see `Provider` for the formats). */

interface Curve {
  readonly bits: number
  /** Bytes of a coordinate and of the scalar. */
  readonly size: number
  readonly jwkName: string
  readonly opensslName: string
  readonly objectIdentifier: string
}

const curves: readonly Curve[] = [
  { bits: 256, size: 32, jwkName: 'P-256', opensslName: 'prime256v1', objectIdentifier: '1.2.840.10045.3.1.7' },
  { bits: 384, size: 48, jwkName: 'P-384', opensslName: 'secp384r1', objectIdentifier: '1.3.132.0.34' },
  { bits: 521, size: 66, jwkName: 'P-521', opensslName: 'secp521r1', objectIdentifier: '1.3.132.0.35' },
]

/** The NIST curve of that size. Throws `PsaErrorNotSupported` for any other. */
export function curveOfBits(bits: number): Curve {
  const curve = curves.find((candidate) => candidate.bits === bits)
  if (!curve) throw notSupported(`no curve of ${bits} bits is supported`)
  return curve
}

/** Attributes of a key that signs, read from the key. `PsaErrorNotSupported` for a kind of key that is not ours. */
export function attributesOfKey(key: KeyObject, lifetime: KeyLifetime = 'volatile'): KeyAttributes {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {}
  const curve = curves.find((candidate) => candidate.opensslName === namedCurve)
  const type =
    key.asymmetricKeyType === 'rsa'
      ? signingKeyTypeOf({ keyType: { kind: 'RsaKeyPair' }, keyBits: modulusLength ?? 0 })
      : curve && signingKeyTypeOf({ keyType: { kind: 'EccKeyPair', curveFamily: 'SecpR1' }, keyBits: curve.bits })
  if (type) return signingKeyAttributes(type, lifetime)
  const size = namedCurve ?? (modulusLength === undefined ? '' : `${modulusLength} bits`)
  throw notSupported(`keys of type "${`${key.asymmetricKeyType ?? key.type} ${size}`.trim()}" are not supported`)
}

export function publicKeyFromPsa(attributes: KeyAttributes, data: Uint8Array): KeyObject {
  try {
    if (attributes.keyType.kind === 'RsaKeyPair') {
      return createPublicKey({ key: Buffer.from(data), format: 'der', type: 'pkcs1' })
    }
    const { size, jwkName } = curveOfBits(attributes.keyBits)
    if (data.length !== 1 + 2 * size || data[0] !== 0x04) throw invalidArgument('the point is not uncompressed')
    const [x, y] = [data.subarray(1, 1 + size), data.subarray(1 + size)].map((part) => base64url(part))
    return createPublicKey({ key: { kty: 'EC', crv: jwkName, x: x ?? '', y: y ?? '' }, format: 'jwk' })
  } catch (error) {
    throw error instanceof ParsecError ? error : invalidArgument('not a public key of its type', { cause: error })
  }
}

export function psaPublicKeyOf(publicKey: KeyObject): Uint8Array {
  if (publicKey.asymmetricKeyType === 'rsa') return publicKey.export({ type: 'pkcs1', format: 'der' })
  const { x, y } = publicKey.export({ format: 'jwk' })
  return Buffer.concat([Buffer.of(0x04), Buffer.from(x ?? '', 'base64url'), Buffer.from(y ?? '', 'base64url')])
}

/** The caller wipes what comes back. */
export function psaPrivateKeyOf(privateKey: KeyObject): Uint8Array {
  if (privateKey.asymmetricKeyType === 'rsa') return privateKey.export({ type: 'pkcs1', format: 'der' })
  const sec1 = privateKey.export({ type: 'sec1', format: 'der' })
  const fields = new DerReader(new DerReader(sec1).read(0x30).contents)
  fields.read(0x02)
  const scalar = Uint8Array.from(fields.read(0x04).contents)
  sec1.fill(0)
  return scalar
}

/** Throws `PsaErrorInvalidArgument` unless `data` is a private key of exactly this type and size. */
export function privateKeyFromPsa(attributes: KeyAttributes, data: Uint8Array): KeyObject {
  try {
    return attributes.keyType.kind === 'RsaKeyPair' ? rsaFromPsa(attributes, data) : eccFromPsa(attributes, data)
  } catch (error) {
    if (error instanceof ParsecError) throw error
    throw invalidArgument(`not a private key of type "${attributes.keyType.kind}"`, { cause: error })
  }
}

function rsaFromPsa({ keyBits }: KeyAttributes, data: Uint8Array): KeyObject {
  const key = createPrivateKey({
    key: Buffer.from(data.buffer, data.byteOffset, data.length),
    format: 'der',
    type: 'pkcs1',
  })
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {}
  if (modulusLength !== keyBits) throw invalidArgument(`a key of ${modulusLength} bits is not one of ${keyBits}`)
  // A smaller exponent makes forgeries of carelessly checked signatures cheap; TLS peers refuse it.
  if (publicExponent === undefined || publicExponent < 65537n)
    throw invalidArgument('the public exponent is below 65537')
  return key
}

function eccFromPsa({ keyBits }: KeyAttributes, data: Uint8Array): KeyObject {
  const { size, opensslName, objectIdentifier } = curveOfBits(keyBits)
  if (data.length !== size) throw invalidArgument(`a scalar for this curve has ${size} bytes, not ${data.length}`)
  const agreement = createECDH(opensslName)
  agreement.setPrivateKey(data)
  const sec1 = derSequence(
    derInteger(1),
    derOctetString(data),
    derContext(0, true, derObjectIdentifier(objectIdentifier)),
    derContext(1, true, derBitString(agreement.getPublicKey())),
  )
  try {
    return createPrivateKey({ key: sec1, format: 'der', type: 'sec1' })
  } finally {
    sec1.fill(0)
  }
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url')
}
