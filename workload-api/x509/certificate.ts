import { X509Certificate } from 'node:crypto'
import { splitSequences } from '../encoding/der.js'
import { readPem, type PemBlock } from '../encoding/pem.js'

/** Far above what is issued, low enough that a hostile message costs little. */
export const maxChainLength = 32
export const maxAuthorities = 1_000

const certificateLabel = 'CERTIFICATE'

/**
 * Reads one certificate, or undefined. `X509Certificate` looks for PEM anywhere in its input first, so DER with a PEM
 * text hidden in an extension would be read as that other certificate: what was read must be what was given.
 */
export function readCertificate(der: Uint8Array): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(der)
    return certificate.raw.equals(der) ? certificate : undefined
  } catch {
    // OpenSSL's reasons depend on its version and say nothing an operator could act on.
    return undefined
  }
}

/** Splits concatenated DER certificates; undefined unless each is one and there are 1 to `limit`. */
export function splitCertificates(der: Uint8Array, limit: number): readonly Uint8Array[] | undefined {
  const pieces = splitSequences(der, limit)
  return pieces !== undefined && areCertificates(pieces) ? pieces : undefined
}

/** The certificates of a PEM text that holds nothing else; undefined unless there are 1 to `limit`. */
export function certificatesOfPem(pem: string, limit: number): readonly Uint8Array[] | undefined {
  const blocks = readPem(pem)
  if (blocks === undefined || blocks.length > limit || !blocks.every(isCertificate)) return undefined
  const certificates = blocks.map((block) => block.der)
  return areCertificates(certificates) ? certificates : undefined
}

function isCertificate(block: PemBlock): boolean {
  return block.label === certificateLabel
}

function areCertificates(pieces: readonly Uint8Array[]): boolean {
  return pieces.length > 0 && pieces.every((piece) => readCertificate(piece) !== undefined)
}
