import type { Signer } from '../../parsec-core/index.js'
import {
  parseTrustDomain,
  SpiffeError,
  verifyX509Svid,
  X509Bundle,
  type SpiffeId,
  type TrustDomain,
  type X509BundleSet,
  type VerifiedX509Svid,
} from '../../workload-api/index.js'
import type { SignX509SvidResponse } from '../authority/index.js'
import type { IdentityUpdate } from './identity-source.js'
import { leafHasKey } from './leaf-has-key.js'

/** What was asked for; what comes back must be exactly that. */
export interface ExpectedSvid {
  readonly id: SpiffeId
  readonly signer: Signer
}

export interface AcceptedSvid {
  readonly update: Omit<IdentityUpdate, 'refuse'>
  readonly verified: VerifiedX509Svid
}

/**
 * Checks everything an authority sent before any of it is used: the chain by every rule against the bundle that came
 * with it, at this moment; the ID that was asked for; the key of the request. Throws `SpiffeError`.
 */
export function acceptSvid(response: SignX509SvidResponse, { id, signer }: ExpectedSvid): AcceptedSvid {
  const { chain, hint } = response
  const bundles = readBundles(response)
  const verified = verifyX509Svid(chain, bundles)
  if (verified.id !== id) throw new SpiffeError('ERR_X509_SVID_ID_MISMATCH', 'the SVID is of another ID than asked for')
  if (!leafHasKey(chain, signer)) {
    throw new SpiffeError('ERR_X509_SVID_KEY_MISMATCH', 'the SVID is for another key than that of the request')
  }
  return { update: { chain, signer, bundles, hint }, verified }
}

function readBundles({ bundles }: SignX509SvidResponse): X509BundleSet {
  const read = new Map<TrustDomain, X509Bundle>()
  for (const [name, { x509Authorities }] of Object.entries(bundles)) {
    const trustDomain = parseTrustDomain(name)
    read.set(trustDomain, X509Bundle.parse(trustDomain, Buffer.concat(x509Authorities)))
  }
  return read
}
