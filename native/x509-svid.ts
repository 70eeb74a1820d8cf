import type { BindingBundle, BindingVerifiedSvid } from './binding.js'
import { crossing } from './errors.js'
import { addon } from './loader.js'

/** Trust domain names and the DER of their authorities. Bundles are never merged: each vouches for its own IDs only. */
export type BundleSetInput = ReadonlyMap<string, readonly Uint8Array[]>

/** What a leaf says of itself. */
export interface X509SvidClaim {
  /** Always with a path. */
  readonly spiffeId: string
  /** Lower-case hexadecimal, at most 40 digits. */
  readonly serialNumber: string
  readonly notBefore: Date
  readonly notAfter: Date
}

export interface VerifyX509SvidOptions {
  /** The role in TLS that the extended key usage, when present, must allow; `any` by default. */
  readonly usage?: 'any' | 'client' | 'server'
  /** The moment to verify for; now by default. */
  readonly time?: Date
}

/**
 * Verifies a chain (DER, leaf first) by X509-SVID section 5 and RFC 5280 section 6: the function that judges every peer
 * at its handshake, and the only one that knows these rules.
 *
 * @throws {NativeError} `ERR_X509_SVID_…`, `ERR_BUNDLE_INVALID`
 */
export function verifyX509Svid(
  chain: readonly Uint8Array[],
  bundles: BundleSetInput,
  options: VerifyX509SvidOptions = {},
): X509SvidClaim {
  const { usage = 'any', time = new Date() } = options
  return claim(crossing(() => addon().verifyX509Svid([...chain], bundleList(bundles), usage, time.getTime())))
}

/**
 * Reads one certificate (DER) by the leaf rules of X509-SVID; neither path nor time is looked at, so nobody vouches for
 * what it says.
 *
 * @throws {NativeError} `ERR_X509_SVID_MALFORMED`, `ERR_X509_SVID_INVALID`
 */
export function readX509Svid(certificate: Uint8Array): X509SvidClaim {
  return claim(crossing(() => addon().readX509Svid(certificate)))
}

/** Bundles in the form the addon takes. */
export function bundleList(bundles: BundleSetInput): BindingBundle[] {
  return [...bundles].map(([trustDomain, authorities]) => ({ trustDomain, authorities: [...authorities] }))
}

function claim(svid: BindingVerifiedSvid): X509SvidClaim {
  return { ...svid, notBefore: new Date(svid.notBefore), notAfter: new Date(svid.notAfter) }
}
