import { readX509Svid, verifyX509Svid as verifyInDataPlane } from '../../native/index.js'
import { SpiffeError } from '../errors.js'
import { parseSpiffeId, trustDomainOf, type SpiffeId } from '../spiffe-id/spiffe-id.js'
import { judged } from './native-error.js'
import type { X509BundleSet } from './x509-bundle.js'

/** What a leaf says of itself: a claim, as long as nobody vouches for it. */
export interface X509SvidFields {
  /** Always with a path. */
  readonly id: SpiffeId
  /** Of the leaf: lower-case hexadecimal, at most 40 digits. */
  readonly serialNumber: string
  readonly notBefore: Date
  readonly notAfter: Date
}

/** The same, vouched for by an authority of the ID's own trust domain. */
export type VerifiedX509Svid = X509SvidFields

export interface VerifyX509SvidOptions {
  /** The extended key usage that must be there when the leaf has any; `any` (the default) asks for none. */
  readonly usage?: 'any' | 'client' | 'server'
  /** The moment to verify for; now by default. */
  readonly time?: Date
}

/**
 * Verifies a chain (DER, leaf first) by X509-SVID section 5 and RFC 5280: the same function, in the data plane, that
 * judges every peer at its handshake. The authorities are those of the leaf's own trust domain, never a union.
 *
 * @throws {SpiffeError} `ERR_X509_SVID_…`, or `ERR_X509_BUNDLE_NOT_FOUND` when the leaf is well but its trust domain has
 *   no bundle
 */
export function verifyX509Svid(
  chain: readonly Uint8Array[],
  bundles: X509BundleSet,
  options: VerifyX509SvidOptions = {},
): VerifiedX509Svid {
  const [leaf] = chain
  if (leaf === undefined) throw new SpiffeError('ERR_X509_SVID_MALFORMED', 'there is no certificate')
  const trustDomain = trustDomainOf(readLeaf(leaf).id)
  const bundle = bundles.get(trustDomain)
  if (bundle === undefined) {
    throw new SpiffeError('ERR_X509_BUNDLE_NOT_FOUND', `no bundle is held for trust domain "${trustDomain}"`)
  }
  // The data plane chooses by the leaf's trust domain itself; handing it the one bundle spares it copies of the others.
  const held = new Map([[trustDomain, bundle.x509Authorities]])
  return judged(() => fieldsOf(verifyInDataPlane(chain, held, options)))
}

/**
 * Reads a leaf (DER) by the leaf rules of X509-SVID, which `verifyX509Svid` applies too; neither its issuer nor the time
 * is looked at.
 *
 * @throws {SpiffeError} `ERR_X509_SVID_MALFORMED` or `ERR_X509_SVID_INVALID`
 */
export function readLeaf(leaf: Uint8Array): X509SvidFields {
  return judged(() => fieldsOf(readX509Svid(leaf)))
}

function fieldsOf(svid: ReturnType<typeof readX509Svid>): X509SvidFields {
  const { spiffeId, serialNumber, notBefore, notAfter } = svid
  return { id: parseSpiffeId(spiffeId), serialNumber, notBefore, notAfter }
}
