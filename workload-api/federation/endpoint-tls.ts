import type { ConnectionOptions } from 'node:tls'
import { authorizeId } from '../authorizer.js'
import { checkServer, partialChains } from '../mtls/peer-check.js'
import { trustDomainOf } from '../spiffe-id/spiffe-id.js'
import type { BundleEndpointProfile } from './endpoint.js'

/** How Node is to judge the endpoint's certificate. No certificate of ours is shown (section 5.2.1.3). */
export function tlsOptionsFor(profile: BundleEndpointProfile): ConnectionOptions {
  const always: ConnectionOptions = { rejectUnauthorized: true, minVersion: 'TLSv1.2' }
  if (profile.kind === 'https_web') return { ...always, ...(profile.ca !== undefined && { ca: profile.ca }) }
  const { endpointSpiffeId, bundles } = profile
  const held = typeof bundles === 'function' ? bundles() : bundles
  const bundle = held.get(trustDomainOf(endpointSpiffeId))
  return {
    ...always,
    ...partialChains,
    // Without a bundle nobody is trusted: an empty list, since none given would be the web's authorities.
    ca: bundle === undefined ? [] : [bundle.toPem()],
    checkServerIdentity: checkServer(() => held, authorizeId(endpointSpiffeId)),
  }
}
