import { constants, sign, X509Certificate, type KeyObject } from 'node:crypto'
import { ecdsaSignatureFromDer, type Algorithm, type Signer } from '../../../../parsec-core/index.js'
import { SpireError } from '../spire-error.js'
import type { PossessionKey } from './x509pop.js'

/** A key in memory, of a file or of the agent on this host. */
export function keyInMemory(key: KeyObject): PossessionKey {
  const { asymmetricKeyType: type } = key
  if (type === 'ec') {
    return { kind: 'ecdsa', sign: async (message) => sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' }) }
  }
  if (type !== 'rsa') throw unusable(`a key of type "${type}" cannot attest: it takes ECDSA or RSA`)
  const padding = constants.RSA_PKCS1_PSS_PADDING
  const saltLength = constants.RSA_PSS_SALTLEN_DIGEST
  return { kind: 'rsa', sign: async (message) => sign('sha256', message, { key, padding, saltLength }) }
}

/** A key of a provider. The server wants SHA-256, and a TLS key of a larger curve permits only its own hash. */
export function keyOfSigner(signer: Signer): PossessionKey {
  const algorithm = (['EcdsaSha256', 'RsaPssSha256'] satisfies Algorithm[]).find((one) =>
    signer.algorithms.includes(one),
  )
  switch (algorithm) {
    case 'EcdsaSha256':
      return {
        kind: 'ecdsa',
        sign: async (message) => ecdsaSignatureFromDer(256, await signer.sign(algorithm, message)),
      }
    case 'RsaPssSha256':
      return { kind: 'rsa', sign: (message) => signer.sign(algorithm, message) }
    case undefined:
      throw unusable('the key cannot sign with SHA-256: x509pop takes ec-p256 or RSA')
  }
}

/** A proof with another key would be refused by the server without a reason. */
export function assertFits(chain: readonly Uint8Array[], publicKey: KeyObject, shown: string): void {
  const [leaf] = chain
  if (leaf !== undefined && new X509Certificate(leaf).publicKey.equals(publicKey)) return
  throw unusable(`the key is not that of the first certificate in "${shown}"`)
}

function unusable(message: string): SpireError {
  return new SpireError('ERR_SPIRE_ATTESTATION_MATERIAL', message)
}
