import { X509Certificate } from 'node:crypto'
import type { Signer } from '../../parsec-core/index.js'

/** `X509Certificate` would take PEM text hidden inside the DER for the certificate, hence the comparison of the bytes. */
export function leafHasKey([leaf]: readonly Uint8Array[], signer: Signer): boolean {
  if (leaf === undefined) return false
  const certificate = new X509Certificate(leaf)
  return certificate.raw.equals(leaf) && certificate.publicKey.equals(signer.publicKey)
}
