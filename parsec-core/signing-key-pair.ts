import type { KeyObject } from 'node:crypto'
import { notSupported } from './errors.js'
import type { KeyIdentity, KeyLifetime } from './key-attributes.js'
import { attributesOfKey, psaPrivateKeyOf } from './key-format.js'
import type { Provider } from './provider.js'
import { openSigner, type Signer } from './signer.js'
import { signingKeyAttributes, type SigningKeyType } from './signing-keys.js'

/** What may be said of a key beside its kind. */
export interface KeyPairOptions {
  /** `volatile` when not given, as in PSA. */
  readonly lifetime?: KeyLifetime
}

/**
 * Hands a private key to a provider as a key that signs, and gives its signer. The copies made on the way are wiped;
 * `privateKey` itself is the caller's. Throws `ParsecError`.
 */
export async function importPrivateKey(
  provider: Provider,
  key: KeyIdentity,
  privateKey: KeyObject,
  options: KeyPairOptions = {},
): Promise<Signer> {
  if (provider.psaImportKey === undefined) throw notSupported(`"${provider.name}" cannot import keys`)
  const attributes = attributesOfKey(privateKey, options.lifetime)
  const data = psaPrivateKeyOf(privateKey)
  try {
    await provider.psaImportKey(key, attributes, data)
  } finally {
    data.fill(0)
  }
  return openSigner(provider, key)
}

/** Makes a key that signs inside the provider, and gives its signer. Throws `ParsecError`. */
export async function generatePrivateKey(
  provider: Provider,
  key: KeyIdentity,
  type: SigningKeyType,
  options: KeyPairOptions = {},
): Promise<Signer> {
  if (provider.psaGenerateKey === undefined) throw notSupported(`"${provider.name}" cannot generate keys`)
  await provider.psaGenerateKey(key, signingKeyAttributes(type, options.lifetime))
  return openSigner(provider, key)
}
