import { createPrivateKey, createPublicKey, generateKeyPair, randomBytes, sign, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { signHash } from '../../../native/index.js'
import { describeAlgorithm } from '../../algorithm.js'
import { notSupported } from '../../errors.js'
import type { DeviceKey, KeyDevice } from '../../key-device.js'
import type { KeyAttributes } from '../../key-attributes.js'
import { attributesOfKey, curveOfBits, privateKeyFromPsa, psaPrivateKeyOf } from '../../key-format.js'
import { nodeSignatureOptions } from '../../node-signature.js'
import { signingKeyAttributes, signingKeyTypeOf } from '../../signing-keys.js'

/** A private key of this process. */
export interface SoftwareKey extends DeviceKey {
  /** OpenSSL holds the bytes and cleanses them when the object is collected; they are no JavaScript value. */
  readonly privateKey: KeyObject
}

const makeKeyPair = promisify(generateKeyPair)

/** Keys in the memory of this process, used through OpenSSL on libuv's threads; hashes are signed by the data plane's library. */
export const softwareDevice: KeyDevice<SoftwareKey> = {
  type: 'Software',
  residencyOf: () => 'software',
  requireSupported: (_check, attributes) => {
    const type = signingKeyTypeOf(attributes)
    if (type === undefined) {
      throw notSupported(`"Software" has no keys of ${attributes.keyBits} bits of type "${attributes.keyType.kind}"`)
    }
    const possible = signingKeyAttributes(type).permittedAlgorithms
    for (const algorithm of attributes.permittedAlgorithms) {
      if (!possible.includes(algorithm)) throw notSupported(`a key of type "${type}" does not sign with "${algorithm}"`)
    }
  },
  generateKey: async ({ keyType, keyBits }) =>
    keyType.kind === 'RsaKeyPair'
      ? makeKeyPair('rsa', { modulusLength: keyBits, publicExponent: 0x10001 })
      : makeKeyPair('ec', { namedCurve: curveOfBits(keyBits).opensslName }),
  importKey: async (attributes, data) => pairOf(privateKeyFromPsa(attributes, data)),
  storedForm: pkcs8Of,
  openKey: async (attributes, stored) => {
    const privateKey = createPrivateKey({ key: bufferOver(stored), format: 'der', type: 'pkcs8' })
    requireSameKind(attributes, attributesOfKey(privateKey))
    return pairOf(privateKey)
  },
  signMessage: ({ privateKey }, algorithm, message) =>
    new Promise((resolve, reject) => {
      const options = { key: privateKey, ...nodeSignatureOptions(algorithm) }
      sign(describeAlgorithm(algorithm).hash, message, options, (error, signature) =>
        error ? reject(error) : resolve(signature),
      )
    }),
  signHash: async (key, algorithm, hash) => {
    const pkcs8 = pkcs8Of(key)
    try {
      return await signHash(algorithm, pkcs8, hash)
    } finally {
      pkcs8.fill(0)
    }
  },
  exportKey: async ({ privateKey }) => psaPrivateKeyOf(privateKey),
  exportForDataPlane: pkcs8Of,
  // Nothing holds the key once the provider forgets it.
  destroyKey: async () => undefined,
  generateRandom: async (size) => promisify(randomBytes)(size),
  close: async () => undefined,
}

function pairOf(privateKey: KeyObject): SoftwareKey {
  return { privateKey, publicKey: createPublicKey(privateKey) }
}

function pkcs8Of({ privateKey }: SoftwareKey): Uint8Array {
  return privateKey.export({ type: 'pkcs8', format: 'der' })
}

/** A stored key whose attributes say another type than its bytes was not written by us. */
function requireSameKind(stated: KeyAttributes, found: KeyAttributes): void {
  if (stated.keyType.kind === found.keyType.kind && stated.keyBits === found.keyBits) return
  throw notSupported('the stored key is not of the type its attributes say')
}

function bufferOver(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
