import type { KeyObject } from 'node:crypto'
import { ParsecError } from '../../errors.js'
import type { KeyAttributes } from '../../key-attributes.js'
import { curveOfBits, psaPublicKeyOf, publicKeyFromPsa } from '../../key-format.js'
import { ResponseStatus } from '../../response-status.js'
import { DerReader } from '../../x509/der-reader.js'
import { derInteger, derObjectIdentifier, derOctetString, derSequence } from '../../x509/der-writer.js'
import type { PublicValue } from './protocol.js'

/** The public key of a token's attributes. Throws `PsaErrorGenericError` when they are no such key. */
export function publicKeyOf(attributes: KeyAttributes, value: PublicValue): KeyObject {
  try {
    return publicKeyFromPsa(attributes, psaFormOf(attributes, value))
  } catch (error) {
    throw new ParsecError(ResponseStatus.PsaErrorGenericError, 'the token gave a public key of another kind', {
      cause: error,
    })
  }
}

function psaFormOf({ keyBits }: KeyAttributes, value: PublicValue): Uint8Array {
  if (value.kind === 'rsa') return derSequence(derInteger(value.modulus), derInteger(value.publicExponent))
  // The standard has the point in an OCTET STRING; some tokens give it bare, and both begin with 0x04.
  const { size } = curveOfBits(keyBits)
  return value.point.length === 1 + 2 * size ? value.point : new DerReader(value.point).read(0x04).contents
}

/** What `publicKeyOf` reads, of a key from elsewhere. */
export function publicValueOf(publicKey: KeyObject): PublicValue {
  const psa = psaPublicKeyOf(publicKey)
  if (publicKey.asymmetricKeyType !== 'rsa') return { kind: 'ec', point: derOctetString(psa) }
  const numbers = new DerReader(new DerReader(psa).read(0x30).contents)
  const [modulus, publicExponent] = [numbers.read(0x02), numbers.read(0x02)].map(({ contents }) =>
    contents[0] === 0 ? contents.subarray(1) : contents,
  )
  return { kind: 'rsa', modulus: modulus ?? new Uint8Array(), publicExponent: publicExponent ?? new Uint8Array() }
}

/** CKA_EC_PARAMS: the curve by its object identifier. Empty for RSA. */
export function ecParametersOf({ keyType, keyBits }: KeyAttributes): Uint8Array {
  if (keyType.kind === 'RsaKeyPair') return new Uint8Array()
  return derObjectIdentifier(curveOfBits(keyBits).objectIdentifier)
}
