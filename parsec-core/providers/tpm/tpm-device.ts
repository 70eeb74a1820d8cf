import { createHash, type KeyObject } from 'node:crypto'
import { tpmImportArea, type TpmKey } from '../../../native/index.js'
import { describeAlgorithm, type Algorithm } from '../../algorithm.js'
import type { Availability, AvailabilityListener } from '../../availability.js'
import { invalidArgument, isGone, notSupported, ParsecError } from '../../errors.js'
import type { KeyAttributes, KeyOrigin } from '../../key-attributes.js'
import type { DeviceKey, KeyDevice } from '../../key-device.js'
import type { CryptoCheck } from '../../provider.js'
import { ResponseStatus } from '../../response-status.js'
import { signingKeyTypeOf, type SigningKeyType } from '../../signing-keys.js'
import { wrapForRoot } from './duplication.js'
import { materialOf, publicKeyFromTpm } from './key-material.js'
import { requireDigestSalt } from './pss-salt.js'
import type { SharedConnection } from './shared-connections.js'
import type { TpmConnection } from './tpm-connection.js'
import { decodeWrappedKey, encodeWrappedKey } from './wrapped-key.js'

/** The factory's type. */
export const type = 'Tpm'

/** What the addon gives at a time, so that nobody waits long behind it. */
const randomAtOnce = 1024
const maxRandomBytes = 1 << 16

interface HeldTpmKey extends DeviceKey {
  readonly tpmKey: TpmKey
}

/** Keys as wrapped blobs: in the TPM while they are used, and nothing on it that could be left behind. */
export class TpmDevice implements KeyDevice<HeldTpmKey> {
  readonly type = type
  readonly #connection: TpmConnection
  readonly #leave: () => Promise<void>

  constructor({ connection, leave }: SharedConnection) {
    this.#connection = connection
    this.#leave = leave
  }

  get availability(): Availability {
    return this.#connection.availability
  }

  onAvailability(listener: AvailabilityListener): () => void {
    return this.#connection.onAvailability(listener)
  }

  residencyOf(origin: KeyOrigin): string {
    return origin === 'generated' ? 'generated in Tpm' : 'imported into Tpm'
  }

  requireSupported(_check: CryptoCheck, attributes: KeyAttributes): void {
    const kind = kindOf(attributes)
    const { kinds, algorithms } = this.#connection.info
    if (!kinds.includes(kind)) throw notSupported(`this TPM has no keys of type "${kind}"`)
    for (const algorithm of attributes.permittedAlgorithms) {
      if (describeAlgorithm(algorithm).keyKind !== attributes.keyType.kind) {
        throw notSupported(`a key of type "${kind}" does not sign with "${algorithm}"`)
      }
      if (!algorithms.includes(algorithm)) throw notSupported(`this TPM does not sign with "${algorithm}"`)
    }
  }

  async generateKey(attributes: KeyAttributes): Promise<HeldTpmKey> {
    const kind = kindOf(attributes)
    return this.#accept(attributes, await this.#connection.use((tpm) => tpm.generateKey(kind)))
  }

  async importKey(attributes: KeyAttributes, data: Uint8Array): Promise<HeldTpmKey> {
    const kind = kindOf(attributes)
    const { publicKey, sensitive } = materialOf(attributes, data)
    try {
      const imported = await this.#connection.use((tpm) => {
        const { duplicate, secret } = wrapForRoot(
          this.#connection.info.rootPoint,
          tpmImportArea(kind, publicKey),
          sensitive,
        )
        return tpm.importKey(kind, publicKey, duplicate, secret)
      })
      return await this.#accept(attributes, imported)
    } catch (error) {
      // Wrapped a moment ago, and yet not for this root: the TPM is another by now, and the next try is for that one.
      if (error instanceof ParsecError && error.status === ResponseStatus.PsaErrorDataCorrupt) {
        this.#connection.noteReplaced()
        throw new ParsecError(ResponseStatus.PsaErrorCommunicationFailure, 'the TPM was replaced', { cause: error })
      }
      throw error
    } finally {
      sensitive.value.fill(0)
    }
  }

  storedForm({ tpmKey }: HeldTpmKey): Uint8Array {
    return encodeWrappedKey(tpmKey)
  }

  async openKey(attributes: KeyAttributes, stored: Uint8Array): Promise<HeldTpmKey> {
    const kind = kindOf(attributes)
    const wrapped = decodeWrappedKey(stored)
    const tpmKey = await this.#connection.use((tpm) => tpm.openKey(kind, wrapped))
    return { tpmKey, publicKey: publicKeyFromTpm(attributes, tpmKey.publicKey) }
  }

  async verifyKey({ tpmKey }: HeldTpmKey): Promise<void> {
    await this.#withKey(tpmKey, () => this.#connection.use((tpm) => tpm.checkKey(tpmKey)))
  }

  signHash({ tpmKey }: HeldTpmKey, algorithm: Algorithm, hash: Uint8Array): Promise<Uint8Array> {
    return this.#withKey(tpmKey, () => this.#connection.use((tpm) => tpm.signHash(tpmKey, algorithm, hash)))
  }

  signMessage(key: HeldTpmKey, algorithm: Algorithm, message: Uint8Array): Promise<Uint8Array> {
    return this.signHash(key, algorithm, createHash(describeAlgorithm(algorithm).hash).update(message).digest())
  }

  async destroyKey({ tpmKey }: HeldTpmKey): Promise<void> {
    // The blob is the key: nothing of it stays in the TPM but what is loaded, which goes with the slot or the connection.
    await this.#connection.use((tpm) => tpm.forgetKey(tpmKey)).catch(() => undefined)
  }

  async generateRandom(size: number): Promise<Uint8Array> {
    if (size > maxRandomBytes) throw invalidArgument(`a TPM gives ${maxRandomBytes} random bytes at a time`)
    const bytes = new Uint8Array(size)
    for (let offset = 0; offset < size; offset += randomAtOnce) {
      const wanted = Math.min(randomAtOnce, size - offset)
      bytes.set(await this.#connection.use((tpm) => tpm.random(wanted)), offset)
    }
    return bytes
  }

  close(): Promise<void> {
    return this.#leave()
  }

  /** A key that was just made, once its signatures are known to be of use. */
  async #accept(attributes: KeyAttributes, tpmKey: TpmKey): Promise<HeldTpmKey> {
    const publicKey: KeyObject = publicKeyFromTpm(attributes, tpmKey.publicKey)
    const held = { tpmKey, publicKey }
    if (!this.#isOfRoot(tpmKey)) this.#connection.noteReplaced()
    await requireDigestSalt(attributes, publicKey, (algorithm, hash) => this.signHash(held, algorithm, hash))
    return held
  }

  /** A key that fits no longer although the TPM was not seen to go away: it was cleared under a living connection. */
  async #withKey<Value>(key: TpmKey, step: () => Promise<Value>): Promise<Value> {
    try {
      return await step()
    } catch (error) {
      if (isGone(error) && this.#isOfRoot(key)) this.#connection.noteReplaced()
      throw error
    }
  }

  /** Whether the key is wrapped for the TPM that was opened last. */
  #isOfRoot({ rootName }: TpmKey): boolean {
    return Buffer.compare(rootName, this.#connection.info.rootName) === 0
  }
}

function kindOf(attributes: KeyAttributes): SigningKeyType {
  const kind = signingKeyTypeOf(attributes)
  if (kind === undefined) {
    throw notSupported(`"${type}" has no keys of ${attributes.keyBits} bits of type "${attributes.keyType.kind}"`)
  }
  return kind
}
