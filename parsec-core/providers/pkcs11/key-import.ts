import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto'
import type { Handle } from 'pkcs11js'
import { cka, ckg, ckk, ckm, cko } from './cryptoki.js'
import { importedPublicTemplate, privateClass, privateTemplates, privateValues } from './key-templates.js'
import type { ImportedKey, NewKey } from './protocol.js'
import { returnValueOf } from './load-cryptoki.js'
import { firstAccepted, type TokenSession } from './token-session.js'
import { returned } from './worker-failure.js'

/** pkcs11js' number of CK_RSA_PKCS_OAEP_PARAMS, and Cryptoki's of a source that is given. */
const oaepParameters = 4
const sourceSpecified = 1
/** RFC 5649, 3: the initial value of key wrap with padding. */
const wrapInitialValue = Buffer.from('A65959A6', 'hex')
const transportBits = 2048
const transportKeyBytes = 32

/** A key of the token and of this process, under which private keys travel into the token. */
interface TransportKey {
  readonly handle: Handle
  readonly value: Buffer
}

/**
 * Brings private keys into one token. By unwrapping where the token can: then no private key crosses the module's
 * interface in the clear, and tokens that take no private objects take it. Otherwise as an object.
 */
export class KeyImport {
  readonly #token: TokenSession
  readonly #canUnwrap: boolean
  #transport: TransportKey | 'impossible' | undefined

  constructor(token: TokenSession) {
    this.#token = token
    const mechanisms = new Set(token.mechanisms().map(({ mechanism }) => mechanism))
    this.#canUnwrap = [ckm.rsaPkcsKeyPairGen, ckm.rsaPkcsOaep, ckm.aesKeyWrapPad].every((one) => mechanisms.has(one))
  }

  /** The private object; a stored one gets its public object beside it, by which it is opened again. */
  import({ key, pkcs8, publicValue }: ImportedKey): Handle {
    const { cryptoki, owner } = this.#token
    const privateKey = this.#unwrap(key, pkcs8) ?? this.#create(key, pkcs8)
    try {
      this.#token.requireSecret(privateKey)
      if (key.stored) cryptoki.C_CreateObject(owner, importedPublicTemplate(key, publicValue))
      return privateKey
    } catch (error) {
      this.#token.destroy({ privateKey, publicKey: undefined })
      throw error
    }
  }

  close(): void {
    if (typeof this.#transport === 'object') this.#transport.value.fill(0)
    this.#transport = undefined
  }

  #create(key: NewKey, pkcs8: Uint8Array): Handle {
    const values = [...privateClass(key), ...privateValues(key, pkcs8)]
    return firstAccepted(privateTemplates(key), (template) =>
      this.#token.cryptoki.C_CreateObject(this.#token.owner, [...values, ...template]),
    )
  }

  /** Undefined when the token cannot. */
  #unwrap(key: NewKey, pkcs8: Uint8Array): Handle | undefined {
    const transport = this.#transportKey()
    if (transport === undefined) return undefined
    const cipher = createCipheriv('id-aes256-wrap-pad', transport.value, wrapInitialValue)
    const wrapped = Buffer.concat([cipher.update(pkcs8), cipher.final()])
    const mechanism = { mechanism: ckm.aesKeyWrapPad }
    try {
      return firstAccepted(privateTemplates(key), (template) =>
        this.#token.cryptoki.C_UnwrapKey(this.#token.owner, mechanism, transport.handle, wrapped, [
          ...privateClass(key),
          ...template,
        ]),
      )
    } catch (error) {
      return orImpossible(error)
    }
  }

  #transportKey(): TransportKey | undefined {
    if (this.#transport === undefined) this.#transport = this.#newTransportKey() ?? 'impossible'
    return this.#transport === 'impossible' ? undefined : this.#transport
  }

  /** An AES key this process chose, brought in under an RSA key the token made; session objects all of them. */
  #newTransportKey(): TransportKey | undefined {
    if (!this.#canUnwrap) return undefined
    const { cryptoki, owner } = this.#token
    const value = randomBytes(transportKeyBytes)
    try {
      const pair = cryptoki.C_GenerateKeyPair(
        owner,
        { mechanism: ckm.rsaPkcsKeyPairGen },
        [
          { type: cka.token, value: false },
          { type: cka.wrap, value: true },
          { type: cka.modulusBits, value: transportBits },
          { type: cka.publicExponent, value: Buffer.of(0x01, 0x00, 0x01) },
        ],
        [
          { type: cka.token, value: false },
          { type: cka.private, value: true },
          { type: cka.sensitive, value: true },
          { type: cka.extractable, value: false },
          { type: cka.unwrap, value: true },
        ],
      )
      const wrapped = encryptOaep(this.#token, pair.publicKey, value)
      const handle = cryptoki.C_UnwrapKey(owner, oaepMechanism(), pair.privateKey, wrapped, transportTemplate())
      this.#token.destroy(pair)
      return { handle, value }
    } catch (error) {
      value.fill(0)
      return orImpossible(error)
    }
  }
}

/** A token that refuses a way may take another; one that does not answer takes none. */
function orImpossible(error: unknown): undefined {
  if (returnValueOf(error) === undefined || returned(error, ...lostToken)) throw error
  return undefined
}

const lostToken = [
  'CKR_DEVICE_ERROR',
  'CKR_DEVICE_MEMORY',
  'CKR_DEVICE_REMOVED',
  'CKR_TOKEN_NOT_PRESENT',
  'CKR_SESSION_HANDLE_INVALID',
  'CKR_SESSION_CLOSED',
  'CKR_USER_NOT_LOGGED_IN',
  'CKR_CRYPTOKI_NOT_INITIALIZED',
] as const

function transportTemplate() {
  return [
    { type: cka.class, value: cko.secretKey },
    { type: cka.keyType, value: ckk.aes },
    { type: cka.token, value: false },
    { type: cka.private, value: true },
    { type: cka.sensitive, value: true },
    { type: cka.extractable, value: false },
    { type: cka.unwrap, value: true },
  ]
}

/** SHA-1, since it is the one hash every token has for OAEP; OAEP does not rest on its collision resistance. */
function oaepMechanism() {
  const parameter = { type: oaepParameters, hashAlg: ckm.sha1, mgf: ckg.mgf1Sha1, source: sourceSpecified }
  return { mechanism: ckm.rsaPkcsOaep, parameter }
}

function encryptOaep(token: TokenSession, publicKey: Handle, value: Buffer): Buffer {
  const found = token.publicValueOf(publicKey, 'rsa')
  if (found.kind !== 'rsa') throw new TypeError('not an RSA key')
  const [n, e] = [found.modulus, found.publicExponent].map((part) => Buffer.from(part).toString('base64url'))
  const key = createPublicKey({ key: { kty: 'RSA', n: n ?? '', e: e ?? '' }, format: 'jwk' })
  return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, value)
}
