import { createCertificateRequest, verifyCertificateRequest, type Signer } from '../../../parsec-core/index.js'
import { SpireError } from './spire-error.js'

/**
 * A certificate request for the signer's key. The server takes only the key from it and, for agents, does not even look
 * at the signature; an unreadable request burns a join token all the same. So it is read back, its signature verified and
 * its key compared, before anything is spent. Throws `ParsecError`, `SpireError`.
 */
export async function verifiedRequest(signer: Signer, uri: string): Promise<Uint8Array> {
  const csr = await createCertificateRequest(signer, { uri })
  if (verifyCertificateRequest(csr).equals(signer.publicKey)) return csr
  throw new SpireError('ERR_SPIRE_AGENT_SIGNER', 'the key device signed with another key than the one asked for')
}
