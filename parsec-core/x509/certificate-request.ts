import type { Signer } from '../signer.js'
import { uriSubjectAlternativeName } from './extensions.js'
import { derContext, derInteger, derObjectIdentifier, derSequence, derSet } from './der-writer.js'
import { signX509Structure } from './signature-algorithm.js'

const extensionRequest = '1.2.840.113549.1.9.14'

/**
 * A certificate request (PKCS#10, RFC 2986) for any signer's key: empty subject, one URI subject alternative name,
 * critical as RFC 5280 (4.2.1.6) demands of it beside an empty subject. DER. Throws `ParsecError`.
 */
export async function createCertificateRequest(signer: Signer, options: { readonly uri: string }): Promise<Uint8Array> {
  const extensions = derSequence(uriSubjectAlternativeName(options.uri, { critical: true }))
  const attribute = derSequence(derObjectIdentifier(extensionRequest), derSet(extensions))
  const info = derSequence(
    derInteger(0),
    derSequence(),
    signer.publicKey.export({ type: 'spki', format: 'der' }),
    derContext(0, true, attribute),
  )
  return signX509Structure(signer, info)
}
