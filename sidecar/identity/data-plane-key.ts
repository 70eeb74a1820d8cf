import type { IdentityKey, SignatureScheme } from '../../native/index.js'
import type { Algorithm, Signer } from '../../parsec-core/index.js'

/** TLS's names (RFC 8446, 4.2.3) for PSA's algorithms. In TLS 1.3 an ECDSA scheme fixes the curve as well. */
const schemeByAlgorithm: Readonly<Record<Algorithm, { readonly scheme: SignatureScheme; readonly curve?: string }>> = {
  EcdsaSha256: { scheme: 'ecdsa_secp256r1_sha256', curve: 'prime256v1' },
  EcdsaSha384: { scheme: 'ecdsa_secp384r1_sha384', curve: 'secp384r1' },
  EcdsaSha512: { scheme: 'ecdsa_secp521r1_sha512', curve: 'secp521r1' },
  RsaPssSha256: { scheme: 'rsa_pss_rsae_sha256' },
  RsaPssSha384: { scheme: 'rsa_pss_rsae_sha384' },
  RsaPssSha512: { scheme: 'rsa_pss_rsae_sha512' },
  RsaPkcs1v15Sha256: { scheme: 'rsa_pkcs1_sha256' },
  RsaPkcs1v15Sha384: { scheme: 'rsa_pkcs1_sha384' },
  RsaPkcs1v15Sha512: { scheme: 'rsa_pkcs1_sha512' },
}

function usableSchemes(signer: Signer): ReadonlyMap<SignatureScheme, Algorithm> {
  const curve = signer.publicKey.asymmetricKeyDetails?.namedCurve
  return new Map(
    signer.algorithms
      .map((algorithm) => [algorithm, schemeByAlgorithm[algorithm]] as const)
      .filter(([, entry]) => entry.curve === undefined || entry.curve === curve)
      .map(([algorithm, entry]) => [entry.scheme, algorithm] as const),
  )
}

/**
 * A signer as the data plane takes it: the key's bytes when it lives in software anyway (full speed, zeroised on drop),
 * else a callback for each signature.
 */
export function dataPlaneKey(signer: Signer): IdentityKey {
  if (signer.exportForDataPlane !== undefined) return { pkcs8: signer.exportForDataPlane() }
  const schemes = usableSchemes(signer)
  return {
    schemes: [...schemes.keys()],
    sign: async (scheme, message) => {
      const algorithm = schemes.get(scheme)
      if (algorithm === undefined) throw new TypeError(`the key cannot sign with ${scheme}`)
      return signer.sign(algorithm, message)
    },
  }
}
