import { createHash, createPublicKey, randomBytes, verify, type KeyObject } from 'node:crypto'
import { describeAlgorithm, type Algorithm } from '../../algorithm.js'
import { ParsecError } from '../../errors.js'
import type { KeyAttributes, KeyIdentity, KeyOrigin } from '../../key-attributes.js'
import type { DeviceObject } from '../../key-check.js'
import type { DeviceKey, KeyDevice } from '../../key-device.js'
import { curveOfBits, privateKeyFromPsa } from '../../key-format.js'
import { nodeSignatureOptions } from '../../node-signature.js'
import type { CryptoCheck } from '../../provider.js'
import { ResponseStatus } from '../../response-status.js'
import { bearsMark, decodeReference, encodeReference, labelOf, newKeyId, type KeyReference } from './key-reference.js'
import { signingInputOf } from './mechanisms.js'
import { ringAlgorithms, type NewKey, type PublicValue } from './protocol.js'
import { ecParametersOf, publicKeyOf, publicValueOf } from './public-value.js'
import { isLostKey } from './status.js'
import { requireTokenSupport } from './token-support.js'
import type { OpenedToken, TokenConnection } from './token-connection.js'

export const type = 'Pkcs11'

/** A key in the token: known by its CKA_ID, and by a number to the worker that has the token open. */
interface TokenKey extends DeviceKey, KeyReference {
  /** The token the number is good for; another one after each time it was lost. */
  opened: OpenedToken | undefined
  number: number
}

/** Keys of one PKCS#11 token. */
export class Pkcs11Device implements KeyDevice<TokenKey> {
  readonly type = type
  readonly storesVolatileKeys: boolean
  readonly #connection: TokenConnection

  constructor(connection: TokenConnection, options: { readonly storesVolatileKeys: boolean }) {
    this.#connection = connection
    this.storesVolatileKeys = options.storesVolatileKeys
  }

  get availability() {
    return this.#connection.availability
  }

  onAvailability(...args: Parameters<TokenConnection['onAvailability']>): () => void {
    return this.#connection.onAvailability(...args)
  }

  residencyOf(origin: KeyOrigin): string {
    return origin === 'generated' ? `generated in ${type}` : `imported into ${type}`
  }

  requireSupported(check: CryptoCheck, attributes: KeyAttributes): void {
    requireTokenSupport(this.#connection.mechanisms, check, attributes)
  }

  generateKey(attributes: KeyAttributes, identity: KeyIdentity): Promise<TokenKey> {
    return this.#connection.run('cannot make a key', async (opened) => {
      const key = this.#newKey(attributes, identity)
      const found = await opened.host.call('generateKey', { token: opened.token, key })
      return tokenKey(attributes, opened, key.id, found.key, found.publicValue)
    })
  }

  importKey(attributes: KeyAttributes, data: Uint8Array, identity: KeyIdentity): Promise<TokenKey> {
    const privateKey = privateKeyFromPsa(attributes, data)
    const publicKey = createPublicKey(privateKey)
    return this.#connection.run('cannot import a key', async (opened) => {
      const key = this.#newKey(attributes, identity)
      const pkcs8 = pkcs8Of(privateKey)
      const { token, serial } = opened
      const request = { token, key, pkcs8, publicValue: publicValueOf(publicKey) }
      const { key: number } = await opened.host.call('importKey', request, [pkcs8.buffer])
      const made: TokenKey = { id: key.id, serial, publicKey, opened, number }
      await this.#requireProof(opened, attributes, made)
      return made
    })
  }

  storedForm(key: TokenKey): Uint8Array {
    return encodeReference(key)
  }

  openKey(attributes: KeyAttributes, stored: Uint8Array): Promise<TokenKey> {
    const { id, serial } = decodeReference(stored)
    return this.#connection.run('cannot open a key', async (opened) => {
      if (serial !== opened.serial) {
        throw gone(
          `it is in the token with the serial ${JSON.stringify(serial)}, and this is ${JSON.stringify(opened.serial)}`,
        )
      }
      const found = await opened.host.call('findKey', { token: opened.token, id })
      if (!found) throw gone(missingObject(id))
      return tokenKey(attributes, opened, id, found.key, found.publicValue)
    })
  }

  verifyKey(key: TokenKey): Promise<void> {
    return this.#connection.run('cannot look for a key', async (opened) => {
      key.opened = undefined
      await locate(opened, key)
    })
  }

  signHash(key: TokenKey, algorithm: Algorithm, hash: Uint8Array): Promise<Uint8Array> {
    return this.#connection.run('cannot sign', (opened) => signWith(opened, key, algorithm, hash))
  }

  signMessage(key: TokenKey, algorithm: Algorithm, message: Uint8Array): Promise<Uint8Array> {
    return this.signHash(key, algorithm, createHash(describeAlgorithm(algorithm).hash).update(message).digest())
  }

  destroyKey(key: TokenKey): Promise<void> {
    return this.#destroy(key)
  }

  generateRandom(size: number): Promise<Uint8Array> {
    const what = 'cannot give random bytes'
    return this.#connection.run(what, ({ host, token }) => host.call('generateRandom', { token, size }))
  }

  listObjects(): Promise<readonly DeviceObject[]> {
    return this.#connection.run('cannot list keys', async ({ host, token, serial }) => {
      const keys = await host.call('listKeys', { token })
      return keys
        .filter(({ id, label }) => bearsMark(id, label))
        .map(({ id, label }) => ({ id: hex(id), label, reference: encodeReference({ id, serial }) }))
    })
  }

  destroyObject({ reference }: DeviceObject): Promise<void> {
    return this.#destroy(decodeReference(reference))
  }

  close(): Promise<void> {
    return this.#connection.close()
  }

  /** A key of another token is not in this one: there is nothing to destroy here. */
  #destroy({ id, serial }: KeyReference): Promise<void> {
    return this.#connection.run('cannot destroy a key', async (opened) => {
      if (serial === opened.serial) await opened.host.call('destroyKey', { token: opened.token, id })
    })
  }

  #newKey(attributes: KeyAttributes, identity: KeyIdentity): NewKey {
    return {
      kind: attributes.keyType.kind === 'RsaKeyPair' ? 'rsa' : 'ec',
      bits: attributes.keyBits,
      ecParameters: ecParametersOf(attributes),
      id: newKeyId(),
      label: labelOf(identity),
      stored: attributes.lifetime === 'persistent' || this.storesVolatileKeys,
    }
  }

  /** Distrusts the token: what it took for the key must sign as the key does. */
  async #requireProof(opened: OpenedToken, attributes: KeyAttributes, key: TokenKey): Promise<void> {
    const [algorithm] = attributes.permittedAlgorithms
    if (algorithm === undefined) return
    const { hash } = describeAlgorithm(algorithm)
    const message = randomBytes(32)
    const signature = await signWith(opened, key, algorithm, createHash(hash).update(message).digest())
    if (verify(hash, message, { key: key.publicKey, ...nodeSignatureOptions(algorithm) }, signature)) return
    await opened.host.call('destroyKey', { token: opened.token, id: key.id })
    throw new ParsecError(ResponseStatus.PsaErrorGenericError, 'the token signs otherwise than the key it was given')
  }
}

function tokenKey(
  attributes: KeyAttributes,
  opened: OpenedToken,
  id: Uint8Array,
  number: number,
  publicValue: PublicValue | undefined,
): TokenKey {
  if (publicValue === undefined) throw gone(`the public object with CKA_ID ${hex(id)} is gone from the token`)
  return { id, serial: opened.serial, publicKey: publicKeyOf(attributes, publicValue), opened, number }
}

async function signWith(opened: OpenedToken, key: TokenKey, algorithm: Algorithm, hash: Uint8Array) {
  const input = signingInputOf(algorithm, hash)
  const index = ringAlgorithms.indexOf(algorithm)
  if (key.opened !== opened) await locate(opened, key)
  try {
    return checkedLength(key.publicKey, await opened.host.sign(key.number, index, input))
  } catch (error) {
    if (!isLostKey(error)) throw error
  }
  await locate(opened, key)
  return checkedLength(key.publicKey, await opened.host.sign(key.number, index, input))
}

/** Throws `PsaErrorDoesNotExist` when the token no longer has the key. */
async function locate(opened: OpenedToken, key: TokenKey): Promise<void> {
  const found = await opened.host.call('findKey', { token: opened.token, id: key.id })
  if (!found) throw gone(missingObject(key.id))
  key.opened = opened
  key.number = found.key
}

function checkedLength(publicKey: KeyObject, signature: Uint8Array): Uint8Array {
  const { modulusLength, namedCurve } = publicKey.asymmetricKeyDetails ?? {}
  const curveBits = [256, 384, 521].find((bits) => curveOfBits(bits).opensslName === namedCurve)
  const expected = curveBits === undefined ? (modulusLength ?? 0) / 8 : 2 * curveOfBits(curveBits).size
  if (signature.length === expected) return signature
  const message = `the token gave a signature of ${signature.length} bytes instead of ${expected}`
  throw new ParsecError(ResponseStatus.PsaErrorGenericError, message)
}

/** In memory of its own, to be moved to the worker and wiped there. */
function pkcs8Of(privateKey: KeyObject): Uint8Array<ArrayBuffer> {
  const exported = privateKey.export({ type: 'pkcs8', format: 'der' })
  const own = new Uint8Array(exported)
  exported.fill(0)
  return own
}

function missingObject(id: Uint8Array): string {
  return `the private object with CKA_ID ${hex(id)} is gone from the token`
}

function gone(reason: string): ParsecError {
  return new ParsecError(ResponseStatus.PsaErrorDoesNotExist, reason)
}

function hex(id: Uint8Array): string {
  return Buffer.from(id).toString('hex')
}
