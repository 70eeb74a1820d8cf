/**
 * The tests' own certificate authority. Unasked it issues X.509-SVIDs as the standard wants them; every field can be
 * set to what the standard forbids.
 */
import { createHash, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

import * as der from './der.js'

export type FakeKeyType = 'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096'

/** RFC 5280 section 4.2.1.3, by position. */
const keyUsageBits = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
] as const
export type KeyUsageBit = (typeof keyUsageBits)[number]

const purposes = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  any: '2.5.29.37.0',
} as const
export type KeyPurpose = keyof typeof purposes

/** A GeneralName: `{ uri: 'spiffe://…' }`, or its raw bytes where text is not enough. */
export type Name =
  | { readonly uri: string | Uint8Array }
  | { readonly dns: string }
  | { readonly email: string }
  | { readonly ip: readonly number[] }
  | { readonly raw: Uint8Array }

export interface Extension {
  readonly oid: string
  readonly critical: boolean
  readonly value: Uint8Array
}

/** `undefined` keeps the default of the kind of certificate, `null` leaves the extension out. */
export interface CertificateOptions {
  readonly commonName?: string
  readonly names?: readonly Name[] | null
  readonly notBefore?: Date
  readonly notAfter?: Date
  readonly serialNumber?: bigint
  readonly isAuthority?: boolean | null
  readonly pathLength?: number
  readonly keyUsage?: readonly KeyUsageBit[] | null
  readonly extendedKeyUsage?: readonly KeyPurpose[] | null
  readonly nameConstraints?: { readonly permitted?: readonly Name[]; readonly excluded?: readonly Name[] }
  /** Written after all others, exactly as given. */
  readonly extraExtensions?: readonly Extension[]
  readonly keyType?: FakeKeyType
  /** A key pair to certify; without one a new pair is made. */
  readonly key?: KeyObject
}

/** A certificate with its key, and the intermediates a peer must send along. */
export interface Issued {
  readonly certificate: Uint8Array
  readonly key: KeyObject
  /** Leaf first, without the root. */
  readonly chain: readonly Uint8Array[]
  /** The same as PEM. */
  readonly chainPem: string
  readonly keyPem: string
  readonly pkcs8: Uint8Array
}

export class FakeCa {
  readonly trustDomain: string
  readonly certificate: Uint8Array
  readonly key: KeyObject
  readonly #name: string
  readonly #above: readonly Uint8Array[]

  private constructor(trustDomain: string, issued: Issued, name: string, above: readonly Uint8Array[]) {
    this.trustDomain = trustDomain
    this.certificate = issued.certificate
    this.key = issued.key
    this.#name = name
    this.#above = above
  }

  /** A self-signed authority of the trust domain. */
  static create(trustDomain: string, options: CertificateOptions = {}): FakeCa {
    const name = options.commonName ?? `authority of ${trustDomain}`
    const key = options.key ?? generateKey(options.keyType)
    const certificate = build({ ...authorityDefaults(trustDomain), ...options, commonName: name, key }, name, key)
    return new FakeCa(trustDomain, issued(certificate, key, []), name, [])
  }

  /** What goes into a bundle set: one bundle with this authority alone. */
  get bundles(): ReadonlyMap<string, readonly Uint8Array[]> {
    return new Map([[this.trustDomain, [this.certificate]]])
  }

  get certificatePem(): string {
    return pem(this.certificate)
  }

  /** The leaf of `spiffe://<trust domain><path>`; `options.names` replaces the ID. */
  issue(path: string, options: CertificateOptions = {}): Issued {
    const key = options.key ?? generateKey(options.keyType)
    const defaults = leafDefaults(`spiffe://${this.trustDomain}${path}`)
    return issued(build({ ...defaults, ...options, key }, this.#name, this.key), key, this.#above)
  }

  /** An authority below this one; what it issues carries it in the chain. */
  intermediate(options: CertificateOptions = {}): FakeCa {
    const name = options.commonName ?? `intermediate ${randomBytes(4).toString('hex')} of ${this.trustDomain}`
    const key = options.key ?? generateKey(options.keyType)
    const all = { ...authorityDefaults(this.trustDomain), ...options, commonName: name, key }
    const below = issued(build(all, this.#name, this.key), key, this.#above)
    return new FakeCa(this.trustDomain, below, name, below.chain)
  }

  /** Lets any certificate sign, whether or not it may. */
  static from(signer: Issued, trustDomain: string, commonName: string): FakeCa {
    return new FakeCa(trustDomain, signer, commonName, signer.chain)
  }
}

/** A private key, made anew. */
export function generateKey(type: FakeKeyType = 'ec-p256'): KeyObject {
  if (type.startsWith('rsa-')) {
    return generateKeyPairSync('rsa', { modulusLength: Number(type.slice('rsa-'.length)) }).privateKey
  }
  return generateKeyPairSync('ec', { namedCurve: type.replace('ec-p', 'P-') }).privateKey
}

export function pem(certificate: Uint8Array): string {
  const lines =
    Buffer.from(certificate)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

const hour = 3_600_000

function validity(): Pick<CertificateOptions, 'notBefore' | 'notAfter'> {
  return { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + hour) }
}

function authorityDefaults(trustDomain: string): CertificateOptions {
  const names = [{ uri: `spiffe://${trustDomain}` }]
  return { ...validity(), names, isAuthority: true, keyUsage: ['keyCertSign', 'cRLSign'], extendedKeyUsage: null }
}

function leafDefaults(id: string): CertificateOptions {
  return {
    ...validity(),
    commonName: '',
    names: [{ uri: id }],
    isAuthority: false,
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: ['serverAuth', 'clientAuth'],
  }
}

function issued(certificate: Uint8Array, key: KeyObject, above: readonly Uint8Array[]): Issued {
  const chain = [certificate, ...above]
  return {
    certificate,
    key,
    chain,
    chainPem: chain.map(pem).join(''),
    keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    pkcs8: key.export({ type: 'pkcs8', format: 'der' }),
  }
}

function build(options: CertificateOptions & { key: KeyObject }, issuer: string, signer: KeyObject): Uint8Array {
  const algorithm = signatureAlgorithm(signer)
  const toBeSigned = der.sequence(
    der.constructed(0, der.integer(2)),
    der.integer(options.serialNumber ?? randomSerialNumber()),
    algorithm.identifier,
    distinguishedName(issuer),
    der.sequence(der.time(options.notBefore ?? new Date()), der.time(options.notAfter ?? new Date())),
    distinguishedName(options.commonName ?? ''),
    publicKey(options.key),
    der.constructed(3, der.sequence(...extensions(options, signer).map(writeExtension))),
  )
  return der.sequence(toBeSigned, algorithm.identifier, der.bitString(sign(algorithm.hash, toBeSigned, signer)))
}

function randomSerialNumber(): bigint {
  return BigInt(`0x4${randomBytes(15).toString('hex')}`)
}

function publicKey(key: KeyObject): Uint8Array {
  return createPublicKey(key).export({ type: 'spki', format: 'der' })
}

function keyIdentifier(key: KeyObject): Uint8Array {
  return createHash('sha1').update(publicKey(key)).digest()
}

/** Empty text is the empty name, as SPIRE's leaves may have it. */
function distinguishedName(commonName: string): Uint8Array {
  if (commonName === '') return der.sequence()
  return der.sequence(der.set(der.sequence(der.oid('2.5.4.3'), der.utf8String(commonName))))
}

function signatureAlgorithm(key: KeyObject): { identifier: Uint8Array; hash: string } {
  if (key.asymmetricKeyType === 'rsa') {
    return { identifier: der.sequence(der.oid('1.2.840.113549.1.1.11'), der.nullValue), hash: 'sha256' }
  }
  const bits = { prime256v1: 256, secp384r1: 384, secp521r1: 512 }[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? 256
  const last = { 256: 2, 384: 3, 512: 4 }[bits]
  return { identifier: der.sequence(der.oid(`1.2.840.10045.4.3.${last}`)), hash: `sha${bits}` }
}

function extensions(options: CertificateOptions & { key: KeyObject }, signer: KeyObject): Extension[] {
  const written: Extension[] = []
  const add = (oid: string, critical: boolean, value: Uint8Array) => written.push({ oid, critical, value })
  if (options.isAuthority !== null && options.isAuthority !== undefined) {
    const pathLength = options.pathLength === undefined ? [] : [der.integer(options.pathLength)]
    add('2.5.29.19', true, der.sequence(...(options.isAuthority ? [der.boolean(true)] : []), ...pathLength))
  }
  if (options.keyUsage) add('2.5.29.15', true, der.namedBits(options.keyUsage.map((bit) => keyUsageBits.indexOf(bit))))
  if (options.extendedKeyUsage) {
    add('2.5.29.37', false, der.sequence(...options.extendedKeyUsage.map((purpose) => der.oid(purposes[purpose]))))
  }
  if (options.names) add('2.5.29.17', !options.commonName, der.sequence(...options.names.map(generalName)))
  if (options.nameConstraints) {
    const { permitted, excluded } = options.nameConstraints
    add('2.5.29.30', true, der.sequence(...subtrees(0, permitted), ...subtrees(1, excluded)))
  }
  add('2.5.29.14', false, der.octetString(keyIdentifier(options.key)))
  if (signer !== options.key) add('2.5.29.35', false, der.sequence(der.primitive(0, keyIdentifier(signer))))
  return [...written, ...(options.extraExtensions ?? [])]
}

function subtrees(tag: number, names: readonly Name[] | undefined): Uint8Array[] {
  return names === undefined ? [] : [der.constructed(tag, ...names.map((name) => der.sequence(generalName(name))))]
}

function writeExtension({ oid, critical, value }: Extension): Uint8Array {
  return der.sequence(der.oid(oid), ...(critical ? [der.boolean(true)] : []), der.octetString(value))
}

/** RFC 5280 section 4.2.1.6. */
function generalName(name: Name): Uint8Array {
  if ('uri' in name) return der.primitive(6, Buffer.from(name.uri))
  if ('dns' in name) return der.primitive(2, Buffer.from(name.dns))
  if ('email' in name) return der.primitive(1, Buffer.from(name.email))
  if ('ip' in name) return der.primitive(7, Buffer.from(name.ip))
  return name.raw
}
