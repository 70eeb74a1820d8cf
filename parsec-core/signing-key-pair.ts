import type { KeyObject } from 'node:crypto'
import type { Algorithm } from './algorithm.js'
import { notSupported, ParsecError } from './errors.js'
import type { KeyAttributes, KeyIdentity, KeyLifetime } from './key-attributes.js'
import { attributesOfKey, psaPrivateKeyOf } from './key-format.js'
import type { CryptoCheck, Provider } from './provider.js'
import { ResponseStatus } from './response-status.js'
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
  const attributes = await offeredBy(provider, 'import', attributesOfKey(privateKey, options.lifetime))
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
  const attributes = await offeredBy(provider, 'generate', signingKeyAttributes(type, options.lifetime))
  await provider.psaGenerateKey(key, attributes)
  return openSigner(provider, key)
}

/**
 * The attributes with those algorithms the provider has for such a key: a device that lacks one of RSA's six is no
 * reason to have no RSA key. Throws `PsaErrorNotSupported` when none is left.
 */
async function offeredBy(provider: Provider, check: CryptoCheck, attributes: KeyAttributes): Promise<KeyAttributes> {
  if (provider.canDoCrypto === undefined) return attributes
  const permittedAlgorithms: Algorithm[] = []
  let refusal: unknown
  for (const algorithm of attributes.permittedAlgorithms) {
    try {
      await provider.canDoCrypto(check, { ...attributes, permittedAlgorithms: [algorithm] })
      permittedAlgorithms.push(algorithm)
    } catch (error) {
      if (!(error instanceof ParsecError) || error.status !== ResponseStatus.PsaErrorNotSupported) throw error
      refusal = error
    }
  }
  if (permittedAlgorithms.length === 0) throw refusal
  return { ...attributes, permittedAlgorithms }
}
