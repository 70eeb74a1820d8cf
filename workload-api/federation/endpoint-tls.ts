import type { ConnectionOptions } from 'node:tls'
import { authorizeId } from '../authorizer.js'
import { serverTlsOptions } from '../mtls/server-tls-options.js'
import { trustDomainOf } from '../spiffe-id/spiffe-id.js'
import type { BundleEndpointProfile } from './endpoint.js'

/** How Node is to judge the endpoint's certificate. No certificate of ours is shown (section 5.2.1.3). */
export function tlsOptionsFor(profile: BundleEndpointProfile): ConnectionOptions {
  if (profile.kind === 'https_web') {
    return { rejectUnauthorized: true, minVersion: 'TLSv1.2', ...(profile.ca !== undefined && { ca: profile.ca }) }
  }
  const { endpointSpiffeId, bundles } = profile
  const trustDomain = trustDomainOf(endpointSpiffeId)
  const bundle = (typeof bundles === 'function' ? bundles() : bundles).get(trustDomain)
  const own = new Map(bundle === undefined ? [] : [[trustDomain, bundle]])
  return serverTlsOptions(own, authorizeId(endpointSpiffeId))
}
