import { SpiffeError } from '../errors.js'
import type { SpiffeId } from '../spiffe-id/spiffe-id.js'
import type { TrustDomain } from '../spiffe-id/trust-domain.js'
import type { X509BundleSet } from '../x509/x509-bundle.js'

/** How an endpoint is known for what it is (SPIFFE Federation section 5.2). There is no falling back to the other. */
export type BundleEndpointProfile =
  /** By its host name and a certificate of a web authority: those of Node, or the given ones (PEM). */
  | { readonly kind: 'https_web'; readonly ca?: string }
  /**
   * By exactly this ID in an X.509-SVID. `bundles` must have the bundle of the ID's trust domain; an endpoint that serves
   * its own is afterwards verified by what was fetched from it.
   */
  | {
      readonly kind: 'https_spiffe'
      readonly endpointSpiffeId: SpiffeId
      readonly bundles: X509BundleSet | (() => X509BundleSet)
    }

/** A bundle endpoint: all three are stated and none is inferred from another (section 5.1). */
export interface BundleEndpoint {
  readonly trustDomain: TrustDomain
  readonly url: string
  readonly profile: BundleEndpointProfile
}

export interface FetchBundleOptions {
  readonly signal?: AbortSignal
  /** For the whole answer, redirects included; 30,000 by default. */
  readonly timeoutMs?: number
}

export interface WatchBundleOptions extends FetchBundleOptions {
  /** The shortest pause, whatever the bundle's hint says; 5,000 by default. */
  readonly minIntervalMs?: number
  /** The longest; a day by default. */
  readonly maxIntervalMs?: number
  /** Told why a poll gave nothing; must not throw. What was given before stays. */
  readonly onFault?: (error: SpiffeError) => void
}

/**
 * The URL of an endpoint, where a redirect leads to as well (section 5.2): `https`, no user.
 *
 * @throws {SpiffeError} `ERR_BUNDLE_ENDPOINT_INVALID`
 */
export function parseEndpointUrl(text: string, base?: string): URL {
  if (!URL.canParse(text, base)) throw invalid('it is not a URL')
  const url = new URL(text, base)
  if (url.protocol !== 'https:') throw invalid('its scheme is not https')
  // `URL` drops an empty user without a word.
  if (url.username !== '' || url.password !== '' || /^[^/?#]*:?[\\/]{2}[^\\/?#]*@/.test(text))
    throw invalid('it names a user')
  return url
}

function invalid(reason: string): SpiffeError {
  return new SpiffeError('ERR_BUNDLE_ENDPOINT_INVALID', `the URL of the bundle endpoint is invalid: ${reason}`)
}
