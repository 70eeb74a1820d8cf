import type { ConnectionOptions } from 'node:tls'
import type { Authorizer } from '../authorizer.js'
import type { X509BundleSet } from '../x509/x509-bundle.js'
import { checkServer, partialChains } from './peer-check.js'

/**
 * What `tls.connect` needs to know a server by its X.509-SVID alone, for a client that has no SVID to show (yet). Host
 * names play no part. Without a bundle for the server's trust domain nobody is trusted.
 */
export function serverTlsOptions(bundles: X509BundleSet, authorizer: Authorizer): ConnectionOptions {
  return {
    ...partialChains,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    // Never left out: none given would be the authorities of the web.
    ca: [...bundles.values()].map((bundle) => bundle.toPem()),
    checkServerIdentity: checkServer(() => bundles, authorizer),
  }
}
