import { X509Certificate } from 'node:crypto'
import type { TrustDomain, X509BundleSet } from '../../workload-api/index.js'
import type { OutputConfig } from '../config/output-model.js'
import type { OutputFile } from './file-set.js'
import type { JwtBundleDocuments } from './jwt-material.js'

type Documents = ReadonlyMap<string, JwtBundleDocuments>
type Writer = (own: TrustDomain | undefined, jwt: Documents, x509: X509BundleSet | undefined) => string | undefined

/** The files of JWT authorities that are wanted, and those for which there is nothing yet. */
export function jwtBundleFiles(
  config: OutputConfig,
  own: TrustDomain | undefined,
  jwt: Documents | undefined,
  x509: X509BundleSet | undefined,
): { readonly files: readonly OutputFile[]; readonly missing: readonly string[] } {
  const wanted: readonly (readonly [string | undefined, Writer])[] = [
    [config.jwtBundleFileName, (_own, documents) => helperDocument(documents)],
    [config.jwksFileName, (domain, documents) => documents.get(domain ?? '')?.jwks],
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
function helperDocument(documents: Documents): string {
  const entries = [...documents].sort(([one], [other]) => (one < other ? -1 : 1))
  return JSON.stringify(
    Object.fromEntries(entries.map(([name, { jwks }]) => [name, Buffer.from(jwks).toString('base64')])),
  )
}

/** SPIFFE Trust Domain and Bundle section 4.2: every key says what it is for, X.509 authorities carry `x5c`. */
function spiffeDocument(
  own: TrustDomain | undefined,
  documents: Documents,
  x509: X509BundleSet | undefined,
): string | undefined {
  if (own === undefined) return undefined
  const jwks = documents.get(own)?.jwks
  const authorities = x509?.get(own)?.x509Authorities
  if (jwks === undefined || authorities === undefined) return undefined
  const { keys } = JSON.parse(jwks) as { readonly keys: readonly object[] }
  return JSON.stringify({
    keys: [
      ...authorities.map((der) => ({
        ...new X509Certificate(der).publicKey.export({ format: 'jwk' }),
        use: 'x509-svid',
        x5c: [Buffer.from(der).toString('base64')],
      })),
      ...keys.map((key) => ({ ...key, use: 'jwt-svid' })),
    ],
  })
}
