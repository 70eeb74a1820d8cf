import { ecdsaSignatureFromDer, notSupported, type Algorithm, type Signer } from '../../parsec-core/index.js'
import { JwtSvid, type SpiffeId } from '../../workload-api/index.js'
import type { JwtRootKey } from './root.js'

export interface JwtSvidTemplate {
  readonly id: SpiffeId
  /** One or more names. */
  readonly audience: readonly string[]
  readonly hint: string
  readonly now: Date
  readonly notAfter: Date
}

interface JwsAlgorithm {
  readonly name: string
  readonly algorithm: Algorithm
  /** Of the curve; undefined for RSA, whose signature a JWS carries as it is. */
  readonly keyBits?: number
}

/** JWT-SVID section 2.1, the preferred first: every reader knows RS256, not every one PS256. */
const jwsAlgorithms: readonly JwsAlgorithm[] = [
  { name: 'ES256', algorithm: 'EcdsaSha256', keyBits: 256 },
  { name: 'ES384', algorithm: 'EcdsaSha384', keyBits: 384 },
  { name: 'ES512', algorithm: 'EcdsaSha512', keyBits: 521 },
  { name: 'RS256', algorithm: 'RsaPkcs1v15Sha256' },
  { name: 'PS256', algorithm: 'RsaPssSha256' },
]

/** A token (JWT-SVID sections 2 and 3) by the key of an authority that signs. Throws `ParsecError`. */
export async function createJwtSvid(
  { keyId }: JwtRootKey,
  signer: Signer,
  template: JwtSvidTemplate,
): Promise<JwtSvid> {
  const jws = jwsAlgorithms.find(({ algorithm }) => signer.algorithms.includes(algorithm))
  if (jws === undefined) throw notSupported('the key of the authority signs by no algorithm of a JWT-SVID')
  const { id, audience, now, notAfter, hint } = template
  const header = { alg: jws.name, kid: keyId, typ: 'JWT' }
  const claims = { sub: id, aud: audience, iat: seconds(now), exp: seconds(notAfter) }
  const input = `${encode(header)}.${encode(claims)}`
  const signature = await signer.sign(jws.algorithm, Buffer.from(input))
  const value = jws.keyBits === undefined ? signature : ecdsaSignatureFromDer(jws.keyBits, signature)
  return JwtSvid.unsafeParse(`${input}.${Buffer.from(value).toString('base64url')}`, hint)
}

function seconds(time: Date): number {
  return Math.floor(time.getTime() / 1000)
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}
