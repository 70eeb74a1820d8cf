import type { KeyObject } from 'node:crypto'
import type { Signer } from '../signer.js'
import {
  derContext,
  derElement,
  derInteger,
  derObjectIdentifier,
  derSequence,
  derSet,
  derTime,
  derUtf8String,
} from './der-writer.js'
import {
  authorityKeyIdentifier,
  basicConstraints,
  extendedKeyUsage,
  keyIdentifierOf,
  keyUsage,
  subjectKeyIdentifier,
  uriSubjectAlternativeName,
  type ExtendedKeyUsage,
  type KeyUsage,
} from './extensions.js'
import { signX509Structure, x509SignatureAlgorithmOf } from './signature-algorithm.js'

/** A name of at most an organization and a serial number; empty when both are absent. */
export interface X509Name {
  readonly organization?: string
  /** The attribute `serialNumber`, which tells entities of one organization apart; letters and digits. */
  readonly serialNumber?: string
}

export interface CertificateTemplate {
  /** Big-endian, 1 to 20 bytes, not zero. */
  readonly serialNumber: Uint8Array
  readonly issuer: X509Name
  readonly subject: X509Name
  readonly notBefore: Date
  readonly notAfter: Date
  readonly publicKey: KeyObject
  readonly ca: boolean
  /** How many authorities may stand between this one and a leaf. */
  readonly pathLength?: number
  readonly keyUsage: readonly KeyUsage[]
  readonly extendedKeyUsage?: readonly ExtendedKeyUsage[]
  /** The one URI subject alternative name. */
  readonly uri: string
}

/**
 * Issues a certificate (X.509 v3, RFC 5280): the signer's key is the issuer's, self-signed when it is the template's
 * own. DER. Throws `ParsecError`.
 */
export async function createCertificate(issuer: Signer, template: CertificateTemplate): Promise<Uint8Array> {
  const { identifier } = x509SignatureAlgorithmOf(issuer)
  const toBeSigned = derSequence(
    derContext(0, true, derInteger(2)),
    derInteger(template.serialNumber),
    identifier,
    nameOf(template.issuer),
    derSequence(derTime(template.notBefore), derTime(template.notAfter)),
    nameOf(template.subject),
    template.publicKey.export({ type: 'spki', format: 'der' }),
    derContext(3, true, derSequence(...extensionsOf(issuer, template))),
  )
  return signX509Structure(issuer, toBeSigned)
}

function extensionsOf(issuer: Signer, template: CertificateTemplate): readonly Buffer[] {
  const emptySubject = template.subject.organization === undefined && template.subject.serialNumber === undefined
  return [
    basicConstraints(template.ca, template.pathLength),
    keyUsage(template.keyUsage),
    ...(template.extendedKeyUsage ? [extendedKeyUsage(template.extendedKeyUsage)] : []),
    // RFC 5280, 4.2.1.6: critical when the subject is empty, since then it alone names the holder.
    uriSubjectAlternativeName(template.uri, { critical: emptySubject }),
    subjectKeyIdentifier(keyIdentifierOf(template.publicKey)),
    authorityKeyIdentifier(keyIdentifierOf(issuer.publicKey)),
  ]
}

function nameOf({ organization, serialNumber }: X509Name): Buffer {
  const attributes: Buffer[] = []
  if (organization !== undefined) attributes.push(attribute('2.5.4.10', derUtf8String(organization)))
  if (serialNumber !== undefined)
    attributes.push(attribute('2.5.4.5', derElement(0x13, Buffer.from(serialNumber, 'ascii'))))
  return derSequence(...attributes)
}

function attribute(type: string, value: Uint8Array): Buffer {
  return derSet(derSequence(derObjectIdentifier(type), value))
}
