import { createHash, type KeyObject } from 'node:crypto'
import { describeAlgorithm, type Algorithm } from './algorithm.js'
import { ecdsaSignatureToDer } from './ecdsa-signature.js'
import { notSupported } from './errors.js'
import type { KeyIdentity } from './key-attributes.js'
import { publicKeyFromPsa } from './key-format.js'
import type { Provider } from './provider.js'

/** One key of one provider, for whoever needs signatures and nothing else. */
export interface Signer {
  readonly publicKey: KeyObject
  /** What `sign` accepts, the preferred first. */
  readonly algorithms: readonly Algorithm[]
  /** `software`, `generated in Tpm`, `imported into Pkcs11`. */
  readonly residency: string
  /** Why the key cannot be used any more: its device lost it, or it was destroyed. Undefined for a key that is there. */
  gone?(): string | undefined
  /**
   * Signs the message (not its hash). The signature is as X.509 and TLS carry it: ECDSA as DER, RSA as a string of the
   * modulus' length. Throws `ParsecError`.
   */
  sign(algorithm: Algorithm, message: Uint8Array): Promise<Uint8Array>
  /** PKCS#8 for the data plane of this process; only on keys in software. The caller wipes it. */
  exportForDataPlane?(): Uint8Array
}

/** The signer of a key the provider already holds. Throws `ParsecError`. */
export async function openSigner(provider: Provider, key: KeyIdentity): Promise<Signer> {
  const { attributes, residency } = provider.keyInfo(key)
  if (provider.psaExportPublicKey === undefined) throw notSupported(`"${provider.name}" cannot export a public key`)
  const publicKey = publicKeyFromPsa(attributes, await provider.psaExportPublicKey(key))
  return {
    publicKey,
    algorithms: attributes.permittedAlgorithms,
    residency,
    gone: () => reasonGone(provider, key),
    sign: async (algorithm, message) => {
      const signature = await signMessage(provider, key, algorithm, message)
      return describeAlgorithm(algorithm).scheme === 'ecdsa'
        ? ecdsaSignatureToDer(attributes.keyBits, signature)
        : signature
    },
    ...(provider.exportForDataPlane && { exportForDataPlane: exporterOf(provider, key) }),
  }
}

/** A device that signs only hashes gets the hash made here. */
async function signMessage(provider: Provider, key: KeyIdentity, algorithm: Algorithm, message: Uint8Array) {
  if (provider.psaSignMessage) return provider.psaSignMessage(key, algorithm, message)
  if (provider.psaSignHash === undefined) throw notSupported(`"${provider.name}" cannot sign`)
  const hash = createHash(describeAlgorithm(algorithm).hash).update(message).digest()
  return provider.psaSignHash(key, algorithm, hash)
}

function reasonGone(provider: Provider, key: KeyIdentity): string | undefined {
  try {
    return provider.keyInfo(key).missing
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function exporterOf(provider: Provider, key: KeyIdentity): () => Uint8Array {
  return () => {
    if (provider.exportForDataPlane === undefined) throw notSupported(`"${provider.name}" keeps its keys`)
    return provider.exportForDataPlane(key)
  }
}
