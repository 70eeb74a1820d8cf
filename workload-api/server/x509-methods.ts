import type { MethodDefinition } from '@grpc/grpc-js'
import type { X509SvidMessage } from '../proto/messages.js'
import { workloadApiService } from '../proto/workload-service.js'
import { trustDomainId, trustDomainOf } from '../spiffe-id/spiffe-id.js'
import type { TrustDomain } from '../spiffe-id/trust-domain.js'
import type { X509Bundle, X509BundleSet } from '../x509/x509-bundle.js'
import type { X509Context } from '../x509/x509-context.js'
import type { X509Svid } from '../x509/x509-svid.js'

/**
 * The methods as a server implements them: they answer with contexts. The message is made where it is serialised, so
 * that the exported private key exists for that long only.
 */
export function x509SvidMethod(): MethodDefinition<object, X509Context> {
  const { responseSerialize, ...method } = workloadApiService.FetchX509SVID
  return {
    ...method,
    responseDeserialize: clientOnly,
    responseSerialize: (context) => {
      const svids = context.svids.map((svid) => svidMessage(svid, context.bundles))
      const own = new Set(context.svids.map(({ id }) => trustDomainOf(id)))
      const federatedBundles = bundleMap(context.bundles, (trustDomain) => !own.has(trustDomain))
      try {
        return responseSerialize({ svids, crl: context.crl, federatedBundles })
      } finally {
        for (const { x509SvidKey } of svids) x509SvidKey.fill(0)
      }
    },
  }
}

export function x509BundlesMethod(): MethodDefinition<object, X509Context> {
  const { responseSerialize, ...method } = workloadApiService.FetchX509Bundles
  return {
    ...method,
    responseDeserialize: clientOnly,
    responseSerialize: ({ bundles, crl }) => responseSerialize({ crl, bundles: bundleMap(bundles, () => true) }),
  }
}

/** Throws `TypeError` for a context that cannot be sent: without an SVID, or without the bundle of one. */
export function assertComplete({ svids, bundles }: X509Context): void {
  if (svids.length === 0) throw new TypeError('the context has no SVID')
  for (const svid of svids) bundleOf(svid, bundles)
}

function bundleOf(svid: X509Svid, bundles: X509BundleSet): X509Bundle {
  const bundle = bundles.get(trustDomainOf(svid.id))
  if (bundle === undefined) throw new TypeError(`the context has no bundle for "${svid.id}"`)
  return bundle
}

function svidMessage(svid: X509Svid, bundles: X509BundleSet): X509SvidMessage {
  return {
    spiffeId: svid.id,
    x509Svid: Buffer.concat(svid.chain),
    x509SvidKey: svid.privateKey.export({ format: 'der', type: 'pkcs8' }),
    bundle: bundleOf(svid, bundles).toDer(),
    hint: svid.hint,
  }
}

function bundleMap(
  bundles: X509BundleSet,
  isWanted: (trustDomain: TrustDomain) => boolean,
): Record<string, Uint8Array> {
  const wanted = [...bundles].filter(([trustDomain]) => isWanted(trustDomain))
  return Object.fromEntries(wanted.map(([trustDomain, bundle]) => [trustDomainId(trustDomain), bundle.toDer()]))
}

function clientOnly(): never {
  throw new TypeError('a server does not read its own answers')
}
