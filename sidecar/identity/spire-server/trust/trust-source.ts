import { fetchBundle, SpiffeBundle, SpiffeError, X509Bundle, type TrustDomain } from '../../../../workload-api/index.js'
import { errorText } from '../../../log/logger.js'
import type { Address } from '../../../config/index.js'
import { readSmallFile } from '../attestation/read-file.js'
import { SpireError } from '../spire-error.js'
import { bundleOfFirstContact } from './first-contact.js'

/** How a sidecar that knows nothing yet knows the server: by a bundle, or unsafely by meeting it. */
export type TrustConfig =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'first-contact' }

export interface TrustSourceOptions {
  readonly trust: TrustConfig
  readonly trustDomain: TrustDomain
  readonly server: Address
  readonly onWarning: (text: string) => void
}

const maxBundleBytes = 1024 * 1024

/** The bundle to begin with. Throws `SpireError`, or the signal's reason when it fires. */
export async function readTrust(options: TrustSourceOptions, signal: AbortSignal): Promise<SpiffeBundle> {
  const { trust, trustDomain } = options
  switch (trust.kind) {
    case 'file':
      return readBundleFile(trust.path, trustDomain)
    case 'url':
      return fetchTrust(trust.url, trustDomain, signal)
    case 'first-contact':
      return bundleOfFirstContact(options, signal)
  }
}

/** PEM, as `spire-server bundle show` prints it, or SPIFFE's JSON (`-format spiffe`). */
async function readBundleFile(path: string, trustDomain: TrustDomain): Promise<SpiffeBundle> {
  const text = (await readSmallFile(path, maxBundleBytes, 'ERR_SPIRE_BUNDLE_UNREADABLE')).toString('utf8')
  try {
    const bundle = text.trimStart().startsWith('{')
      ? SpiffeBundle.parse(trustDomain, text)
      : new SpiffeBundle(trustDomain, { x509Authorities: X509Bundle.parsePem(trustDomain, text).x509Authorities })
    return withAuthorities(bundle, path)
  } catch (error) {
    throw error instanceof SpiffeError ? unreadable(`"${path}" is no bundle: ${error.message}`, error) : error
  }
}

async function fetchTrust(url: string, trustDomain: TrustDomain, signal: AbortSignal): Promise<SpiffeBundle> {
  try {
    return withAuthorities(await fetchBundle({ trustDomain, url, profile: { kind: 'https_web' } }, { signal }), url)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof SpireError) throw error
    throw unreadable(`cannot fetch the bundle from "${url}": ${errorText(error)}`, error)
  }
}

function withAuthorities(bundle: SpiffeBundle, shown: string): SpiffeBundle {
  if (bundle.x509Bundle() !== undefined) return bundle
  throw unreadable(`the bundle "${shown}" has no X.509 authority`)
}

function unreadable(message: string, cause?: unknown): SpireError {
  return new SpireError('ERR_SPIRE_BUNDLE_UNREADABLE', message, { cause })
}
