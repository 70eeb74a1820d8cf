import type { Attribute } from 'pkcs11js'
import { DerReader } from '../../x509/der-reader.js'
import { cka, ckk, cko } from './cryptoki.js'
import type { NewKey, PublicValue } from './protocol.js'

type Template = Attribute[]

function common(key: NewKey): Template {
  return [
    { type: cka.token, value: key.stored },
    { type: cka.id, value: Buffer.from(key.id) },
    { type: cka.label, value: key.label },
  ]
}

function keyTypeOf(key: NewKey): number {
  return key.kind === 'ec' ? ckk.ec : ckk.rsa
}

/** What keeps a private key in the token. Every token that can hold one understands these. */
function secrecy(): Template {
  return [
    { type: cka.private, value: true },
    { type: cka.sensitive, value: true },
    { type: cka.extractable, value: false },
    { type: cka.sign, value: true },
  ]
}

/** What a key must not do besides; a token may not know all of these. */
const nothingElse: Template = [cka.decrypt, cka.unwrap, cka.signRecover, cka.derive].map((type) => ({
  type,
  value: false,
}))

/** The private key's attributes, the strictest first: the later ones are for tokens that refuse the earlier. */
export function privateTemplates(key: NewKey): readonly Template[] {
  const least = [...common(key), ...secrecy()]
  return [[...least, ...nothingElse], least]
}

/** Of the public key that C_GenerateKeyPair makes. */
export function generatedPublicTemplate(key: NewKey): Template {
  const sized: Template =
    key.kind === 'ec'
      ? [{ type: cka.ecParams, value: Buffer.from(key.ecParameters) }]
      : [
          { type: cka.modulusBits, value: key.bits },
          { type: cka.publicExponent, value: Buffer.of(0x01, 0x00, 0x01) },
        ]
  return [...common(key), { type: cka.private, value: false }, { type: cka.verify, value: true }, ...sized]
}

/** Of the public object that stands beside an imported private key, so that the token alone can tell whose it is. */
export function importedPublicTemplate(key: NewKey, value: PublicValue): Template {
  const values: Template =
    value.kind === 'ec'
      ? [
          { type: cka.ecParams, value: Buffer.from(key.ecParameters) },
          { type: cka.ecPoint, value: Buffer.from(value.point) },
        ]
      : [
          { type: cka.modulus, value: Buffer.from(value.modulus) },
          { type: cka.publicExponent, value: Buffer.from(value.publicExponent) },
        ]
  return [
    { type: cka.class, value: cko.publicKey },
    { type: cka.keyType, value: keyTypeOf(key) },
    ...common(key),
    { type: cka.private, value: false },
    { type: cka.verify, value: true },
    ...values,
  ]
}

/** What C_UnwrapKey and C_CreateObject want besides: the kind of object. */
export function privateClass(key: NewKey): Template {
  return [
    { type: cka.class, value: cko.privateKey },
    { type: cka.keyType, value: keyTypeOf(key) },
  ]
}

/** The numbers a private key is, from its PKCS#8 (RFC 5208; RFC 8017, A.1.2; RFC 5915). Views: wiped with it. */
export function privateValues(key: NewKey, pkcs8: Uint8Array): Template {
  const info = new DerReader(new DerReader(pkcs8).read(0x30).contents)
  info.read(0x02)
  info.read(0x30)
  const inner = new DerReader(new DerReader(info.read(0x04).contents).read(0x30).contents)
  inner.read(0x02)
  if (key.kind === 'ec') {
    return [
      { type: cka.ecParams, value: Buffer.from(key.ecParameters) },
      { type: cka.value, value: bufferOver(inner.read(0x04).contents) },
    ]
  }
  const order = [
    cka.modulus,
    cka.publicExponent,
    cka.privateExponent,
    cka.prime1,
    cka.prime2,
    cka.exponent1,
    cka.exponent2,
    cka.coefficient,
  ]
  return order.map((type) => ({ type, value: bufferOver(withoutSign(inner.read(0x02).contents)) }))
}

/** DER's integers have a zero in front when their first bit is set; Cryptoki's big integers have none. */
function withoutSign(integer: Uint8Array): Uint8Array {
  return integer.length > 1 && integer[0] === 0 ? integer.subarray(1) : integer
}

function bufferOver(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
