import type { KeyObject } from 'node:crypto'

interface JwsAlgorithm {
  readonly keyType: 'rsa' | 'ec'
  /** OpenSSL's name. ECDSA's hash and curve belong together; OpenSSL would verify ES384 with a P-256 key. */
  readonly curve?: 'prime256v1' | 'secp384r1' | 'secp521r1'
}

/** JWT-SVID section 2.1: these and no others. Without a prototype, so that no inherited name is an algorithm. */
const algorithms: Readonly<Record<string, JwsAlgorithm>> = Object.assign(Object.create(null), {
  RS256: { keyType: 'rsa' },
  RS384: { keyType: 'rsa' },
  RS512: { keyType: 'rsa' },
  PS256: { keyType: 'rsa' },
  PS384: { keyType: 'rsa' },
  PS512: { keyType: 'rsa' },
  ES256: { keyType: 'ec', curve: 'prime256v1' },
  ES384: { keyType: 'ec', curve: 'secp384r1' },
  ES512: { keyType: 'ec', curve: 'secp521r1' },
} satisfies Record<string, JwsAlgorithm>)

export function isJwsAlgorithm(name: unknown): name is string {
  return typeof name === 'string' && name in algorithms
}

/** Whether a public key can have signed by the algorithm. */
export function fitsAlgorithm(key: KeyObject, name: string): boolean {
  const algorithm = algorithms[name]
  if (algorithm === undefined || key.asymmetricKeyType !== algorithm.keyType) return false
  return algorithm.curve === undefined || key.asymmetricKeyDetails?.namedCurve === algorithm.curve
}
