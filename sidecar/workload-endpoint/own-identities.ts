import { X509Svid, type TrustDomain, type X509Bundle, type X509Context } from '../../workload-api/index.js'
import type { SvidFeed } from '../outputs/svid-material.js'

/** An identity of this process as it is offered to others. */
export interface OfferedIdentity extends SvidFeed {
  readonly name: string
  readonly hint: string
  /** Of the Workload API that issues it; undefined without one, and then without tokens. */
  readonly address: string | undefined
}

/** Whether the key can be handed on, and if not why; undefined while there is no SVID. */
export function refusalOf(identity: OfferedIdentity): string | undefined {
  const signer = identity.material?.signer
  if (signer === undefined || signer.exportForDataPlane !== undefined) return undefined
  return `its key does not leave its device (${signer.residency})`
}

/** What there is of the identities at the moment; undefined when none can be offered. */
export function contextOf(identities: readonly OfferedIdentity[]): X509Context | undefined {
  const offered = identities.filter(({ material }) => material?.signer.exportForDataPlane !== undefined)
  const bundles = new Map<TrustDomain, X509Bundle>()
  for (const { material } of offered) {
    // Of two sources of one trust domain the first counts, as it does for the identities.
    for (const [name, bundle] of material?.bundles ?? []) if (!bundles.has(name)) bundles.set(name, bundle)
  }
  const svids = offered.flatMap((identity) => svidOf(identity) ?? [])
  return svids.length === 0 ? undefined : { svids, bundles, crl: [] }
}

function svidOf({ material, hint }: OfferedIdentity): X509Svid | undefined {
  const pkcs8 = material?.signer.exportForDataPlane?.()
  if (material === undefined || pkcs8 === undefined) return undefined
  try {
    return X509Svid.parse(Buffer.concat(material.chain), pkcs8, hint)
  } finally {
    pkcs8.fill(0)
  }
}
