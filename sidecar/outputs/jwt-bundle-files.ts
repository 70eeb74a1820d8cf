import { SpiffeBundle, type JwtBundleSet, type TrustDomain, type X509BundleSet } from '../../workload-api/index.js'
import type { OutputConfig } from '../config/output-model.js'
import type { OutputFile } from './file-set.js'

type Writer = (own: TrustDomain | undefined, jwt: JwtBundleSet, x509: X509BundleSet | undefined) => string | undefined

/** The files of JWT authorities that are wanted, and those for which there is nothing yet. */
export function jwtBundleFiles(
  config: OutputConfig,
  own: TrustDomain | undefined,
  jwt: JwtBundleSet | undefined,
  x509: X509BundleSet | undefined,
): { readonly files: readonly OutputFile[]; readonly missing: readonly string[] } {
  const wanted: readonly (readonly [string | undefined, Writer])[] = [
    [config.jwtBundleFileName, (_own, bundles) => helperDocument(bundles)],
    [config.jwksFileName, (domain, bundles) => (domain === undefined ? undefined : bundles.get(domain)?.marshal())],
    [config.spiffeBundleFileName, spiffeDocument],
  ]
  const files: OutputFile[] = []
  const missing: string[] = []
  for (const [name, write] of wanted) {
    if (name === undefined) continue
    const text = jwt === undefined ? undefined : write(own, jwt, x509)
    if (text === undefined) missing.push(name)
    else files.push({ name, content: Buffer.from(text), mode: config.jwtBundleFileMode })
  }
  return { files, missing }
}

/** `{"example.org":"<base64 of the JWKS>"}`: spiffe-helper's own form, in the order of the names as Go writes maps. */
function helperDocument(bundles: JwtBundleSet): string {
  const entries = [...bundles].sort(([one], [other]) => (one < other ? -1 : 1))
  const encoded = entries.map(([name, bundle]) => [name, Buffer.from(bundle.marshal()).toString('base64')] as const)
  return JSON.stringify(Object.fromEntries(encoded))
}

/** SPIFFE Trust Domain and Bundle section 4: the authorities of both kinds. */
function spiffeDocument(
  own: TrustDomain | undefined,
  jwt: JwtBundleSet,
  x509: X509BundleSet | undefined,
): string | undefined {
  const jwtAuthorities = own === undefined ? undefined : jwt.get(own)?.jwtAuthorities
  const x509Authorities = own === undefined ? undefined : x509?.get(own)?.x509Authorities
  if (own === undefined || jwtAuthorities === undefined || x509Authorities === undefined) return undefined
  return new SpiffeBundle(own, { x509Authorities, jwtAuthorities }).marshal()
}
