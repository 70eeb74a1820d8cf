import { SpiffeBundle } from '../bundle/spiffe-bundle.js'
import { SpiffeError } from '../errors.js'
import { parseEndpointUrl, type BundleEndpoint, type FetchBundleOptions } from './endpoint.js'
import { get } from './https-get.js'
import { tlsOptionsFor } from './endpoint-tls.js'

const maxRedirects = 5
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/**
 * Fetches the bundle of another trust domain once, from the configured URL (SPIFFE Federation section 5.2). Redirects are
 * followed to URLs that may be endpoints, each hop verified as the first, and not remembered.
 *
 * @throws {SpiffeError} `ERR_BUNDLE_ENDPOINT_…`, or `ERR_SPIFFE_BUNDLE_INVALID` when what it serves is no bundle
 * @throws the signal's reason when it fires
 */
export async function fetchBundle(endpoint: BundleEndpoint, options: FetchBundleOptions = {}): Promise<SpiffeBundle> {
  const { signal, timeoutMs = 30_000 } = options
  signal?.throwIfAborted()
  const stop = new AbortController()
  const abort = (): void => stop.abort()
  const deadline = setTimeout(abort, timeoutMs)
  signal?.addEventListener('abort', abort, { once: true })
  try {
    return SpiffeBundle.parse(endpoint.trustDomain, await follow(endpoint, stop.signal))
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    clearTimeout(deadline)
    signal?.removeEventListener('abort', abort)
  }
}

async function follow({ url, profile }: BundleEndpoint, signal: AbortSignal): Promise<Uint8Array> {
  let target = parseEndpointUrl(url)
  for (let hops = 0; hops <= maxRedirects; hops++) {
    const { statusCode, location, body } = await get(target, tlsOptionsFor(profile), signal)
    if (statusCode === 200) return body
    if (!redirects.has(statusCode) || location === undefined) {
      throw new SpiffeError('ERR_BUNDLE_ENDPOINT_UNAVAILABLE', `the bundle endpoint answered with status ${statusCode}`)
    }
    target = parseEndpointUrl(location, target.href)
  }
  const message = `the bundle endpoint redirects more than ${maxRedirects} times`
  throw new SpiffeError('ERR_BUNDLE_ENDPOINT_RESPONSE_INVALID', message)
}
