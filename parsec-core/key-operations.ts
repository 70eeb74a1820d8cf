import { verify } from 'node:crypto'
import { verifyHash } from '../native/index.js'
import { describeAlgorithm, type Algorithm } from './algorithm.js'
import type { DeviceKeys } from './device-keys.js'
import { invalidArgument, ParsecError, withStatus } from './errors.js'
import type { KeyIdentity } from './key-attributes.js'
import type { DeviceKey, KeyDevice } from './key-device.js'
import { psaPublicKeyOf } from './key-format.js'
import { requireExportPermission, requireHashLength, requirePermission } from './key-policy.js'
import { nodeSignatureOptions } from './node-signature.js'
import { ResponseStatus } from './response-status.js'

/** The most random bytes one call gives: a number from a peer must not size an allocation. */
const maxRandomBytes = 1 << 20

/** What a device signs: the policy is asked first, and what it refuses never reaches the device. */
export function signingOperations<Key extends DeviceKey>(device: KeyDevice<Key>, keys: DeviceKeys<Key>) {
  const signHash = device.signHash?.bind(device)
  const signMessage = device.signMessage?.bind(device)
  const signing = (sign: () => Promise<Uint8Array>) =>
    withStatus(ResponseStatus.PsaErrorGenericError, `"${device.type}" could not sign`, sign)
  return {
    ...(signHash && {
      psaSignHash: async (identity: KeyIdentity, algorithm: Algorithm, hash: Uint8Array) => {
        const held = keys.find(identity)
        requirePermission(held.attributes, 'signHash', algorithm)
        requireHashLength(algorithm, hash)
        return signing(() => keys.use(held, (key) => signHash(key, algorithm, hash)))
      },
    }),
    ...(signMessage && {
      psaSignMessage: async (identity: KeyIdentity, algorithm: Algorithm, message: Uint8Array) => {
        const held = keys.find(identity)
        requirePermission(held.attributes, 'signMessage', algorithm)
        return signing(() => keys.use(held, (key) => signMessage(key, algorithm, message)))
      },
    }),
  }
}

/** Verifying needs no secret, so it is done here for every device, and never loads the device. */
export function verifyingOperations<Key extends DeviceKey>(keys: DeviceKeys<Key>) {
  return {
    psaVerifyMessage: async (id: KeyIdentity, algorithm: Algorithm, message: Uint8Array, signature: Uint8Array) => {
      const { key, attributes } = keys.find(id)
      requirePermission(attributes, 'verifyMessage', algorithm)
      const options = { key: key.publicKey, ...nodeSignatureOptions(algorithm) }
      requireValid(verify(describeAlgorithm(algorithm).hash, message, options, signature))
    },
    psaVerifyHash: async (id: KeyIdentity, algorithm: Algorithm, hash: Uint8Array, signature: Uint8Array) => {
      const { key, attributes } = keys.find(id)
      requirePermission(attributes, 'verifyHash', algorithm)
      requireHashLength(algorithm, hash)
      requireValid(verifyHash(algorithm, psaPublicKeyOf(key.publicKey), hash, signature))
    },
  }
}

function requireValid(valid: boolean): void {
  if (!valid) throw new ParsecError(ResponseStatus.PsaErrorInvalidSignature, 'the signature does not verify')
}

/** What only some devices can do. */
export function furtherOperations<Key extends DeviceKey>(device: KeyDevice<Key>, keys: DeviceKeys<Key>) {
  const exportKey = device.exportKey?.bind(device)
  const exportForDataPlane = device.exportForDataPlane?.bind(device)
  const generateRandom = device.generateRandom?.bind(device)
  return {
    ...(exportKey && {
      psaExportKey: async (identity: KeyIdentity) => {
        const held = keys.find(identity)
        requireExportPermission(held.attributes)
        return keys.use(held, exportKey)
      },
    }),
    ...(exportForDataPlane && {
      exportForDataPlane: (identity: KeyIdentity) => exportForDataPlane(keys.find(identity).key),
    }),
    ...(generateRandom && {
      psaGenerateRandom: async (size: number) => {
        if (!Number.isInteger(size) || size < 0 || size > maxRandomBytes) {
          throw invalidArgument(`random bytes are given 0 to ${maxRandomBytes} at a time`)
        }
        keys.requireReady()
        return generateRandom(size)
      },
    }),
  }
}
