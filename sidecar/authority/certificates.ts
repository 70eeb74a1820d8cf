import { randomBytes, type KeyObject } from 'node:crypto'
import { createCertificate, keyIdentifierOf, type Signer, type X509Name } from '../../parsec-core/index.js'
import { trustDomainId, type SpiffeId, type TrustDomain } from '../../workload-api/index.js'

/** SVIDs and authorities begin this long ago: the clocks of those who verify them are not exactly ours. */
export const backdateMs = 10_000

/** A certificate and the moments it names, cut to whole seconds as X.509 does. */
export interface IssuedCertificate {
  readonly der: Uint8Array
  readonly notBefore: Date
  readonly notAfter: Date
}

/**
 * A self-signed authority of the trust domain (X509-SVID 3.2, 4.1, 4.3, 6.1): its SPIFFE ID without a path, `cA`,
 * nothing but `keyCertSign` and `cRLSign`. No authority may stand below it.
 */
export async function createAuthorityCertificate(
  signer: Signer,
  options: { readonly trustDomain: TrustDomain; readonly notAfter: Date; readonly now: Date },
): Promise<IssuedCertificate> {
  const validity = validityOf(options.now, options.notAfter)
  const name = authorityName(signer.publicKey)
  const der = await createCertificate(signer, {
    ...validity,
    serialNumber: newSerialNumber(),
    issuer: name,
    subject: name,
    publicKey: signer.publicKey,
    ca: true,
    pathLength: 0,
    keyUsage: ['keyCertSign', 'cRLSign'],
    uri: trustDomainId(options.trustDomain),
  })
  return { der, ...validity }
}

/** A leaf (X509-SVID 2, 4.1, 4.3, 4.4, 5): one ID with a path, no subject, `digitalSignature`, both TLS purposes. */
export async function createSvidCertificate(
  issuer: Signer,
  options: { readonly id: SpiffeId; readonly publicKey: KeyObject; readonly notAfter: Date; readonly now: Date },
): Promise<IssuedCertificate> {
  const validity = validityOf(options.now, options.notAfter)
  const der = await createCertificate(issuer, {
    ...validity,
    serialNumber: newSerialNumber(),
    issuer: authorityName(issuer.publicKey),
    subject: {},
    publicKey: options.publicKey,
    ca: false,
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: ['serverAuth', 'clientAuth'],
    uri: options.id,
  })
  return { der, ...validity }
}

/** Two authorities of one trust domain have two names, so that a verifier never tries the wrong one. */
function authorityName(publicKey: KeyObject): X509Name {
  return { organization: 'svidecar', serialNumber: Buffer.from(keyIdentifierOf(publicKey)).toString('hex') }
}

function validityOf(now: Date, notAfter: Date): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: wholeSeconds(now.getTime() - backdateMs), notAfter: wholeSeconds(notAfter.getTime()) }
}

function wholeSeconds(time: number): Date {
  return new Date(Math.floor(time / 1000) * 1000)
}

/** 127 random bits; the first byte is neither zero nor negative, so the length is always the same. */
function newSerialNumber(): Uint8Array {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes
}
