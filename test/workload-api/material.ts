/** Material of the tests' own authorities as the library's types. */
import { createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import {
  JwtBundle,
  parseTrustDomain,
  X509Bundle,
  X509Svid,
  type JwtBundleSet,
  type TrustDomain,
  type X509BundleSet,
} from '../../workload-api/index.js'
import type { CertificateOptions, FakeCa } from '../fakes/fake-ca.js'

export function bundleOf(ca: FakeCa): X509Bundle {
  return X509Bundle.parse(parseTrustDomain(ca.trustDomain), ca.certificate)
}

export function bundlesOf(...authorities: readonly FakeCa[]): X509BundleSet {
  return new Map(authorities.map((ca) => [parseTrustDomain(ca.trustDomain), bundleOf(ca)]))
}

export function svidOf(ca: FakeCa, path: string, options: CertificateOptions = {}, hint = ''): X509Svid {
  const { chain, pkcs8 } = ca.issue(path, options)
  return X509Svid.parse(Buffer.concat(chain), pkcs8, hint)
}

export type JwtKeyType = 'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048'

const hashes: Readonly<Record<string, string>> = { '256': 'sha256', '384': 'sha384', '512': 'sha512' }

/** Signs tokens with Node's own primitives, and whatever a test wants into them. */
export class FakeJwtIssuer {
  readonly trustDomain: TrustDomain
  readonly key: KeyObject
  readonly keyId: string

  constructor(trustDomain: string, keyId = 'key-1', type: JwtKeyType = 'ec-p256') {
    this.trustDomain = parseTrustDomain(trustDomain)
    this.keyId = keyId
    this.key =
      type === 'rsa-2048'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
        : generateKeyPairSync('ec', { namedCurve: type.replace('ec-p', 'P-') }).privateKey
  }

  get publicKey(): KeyObject {
    return createPublicKey(this.key)
  }

  get bundle(): JwtBundle {
    return JwtBundle.fromJwtAuthorities(this.trustDomain, [[this.keyId, this.publicKey]])
  }

  get bundles(): JwtBundleSet {
    return new Map([[this.trustDomain, this.bundle]])
  }

  /** A good token for `/a` and `audience`; what is given replaces or, when undefined, removes. */
  issue(claims: object = {}, header: object = {}): string {
    const now = Math.floor(Date.now() / 1000)
    const sub = `spiffe://${this.trustDomain}/a`
    return this.signed(
      { alg: 'ES256', kid: this.keyId, typ: 'JWT', ...header },
      { sub, aud: ['audience'], exp: now + 300, iat: now, ...claims },
    )
  }

  signed(header: { readonly alg: string; readonly [name: string]: unknown }, payload: object): string {
    const input = `${encode(header)}.${encode(payload)}`
    const family = header.alg.slice(0, 2)
    const options = {
      key: this.key,
      ...(family === 'ES' && { dsaEncoding: 'ieee-p1363' as const }),
      ...(family === 'PS' && { padding: 6, saltLength: -1 }),
    }
    const signature = sign(hashes[header.alg.slice(2)] ?? 'sha256', Buffer.from(input), options)
    return `${input}.${signature.toString('base64url')}`
  }
}

export function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}
