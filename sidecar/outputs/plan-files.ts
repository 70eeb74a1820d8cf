import { trustDomainOf } from '../../workload-api/index.js'
import type { OutputConfig } from '../config/output-model.js'
import { trustDomainBundleName } from './file-names.js'
import type { OutputFile } from './file-set.js'
import { jwtBundleFiles } from './jwt-bundle-files.js'
import type { JwtMaterial } from './jwt-material.js'
import type { SvidMaterial } from './svid-material.js'
import { keyPemOf, x509PartsOf } from './x509-parts.js'

/** The set of files an identity's present state makes. */
export interface FilePlan {
  readonly files: readonly OutputFile[]
  /** The first end of what the files hold; undefined when none of them ends. */
  readonly validUntil: Date | undefined
  /** Files that are wanted and for which there is nothing yet. */
  readonly missing: readonly string[]
}

/** Throws `OutputError` for what cannot be written at all, such as a key that stays in its device. */
export function planFiles(
  config: OutputConfig,
  material: SvidMaterial | undefined,
  jwt: JwtMaterial | undefined,
  now: number,
): FilePlan {
  const x509 = wantsX509(config) ? x509Files(config, material, now) : { files: [], missing: [] }
  const tokens = config.jwtSvids.map(({ fileName }) => ({ fileName, issued: jwt?.svids.get(fileName) }))
  const documents = jwtBundleFiles(
    config,
    material && trustDomainOf(material.spiffeId),
    jwt?.bundles,
    material?.bundles,
  )
  const ends = [
    ...(x509.files.length > 0 && material !== undefined ? [material.notAfter] : []),
    ...tokens.flatMap(({ issued }) => (issued === undefined ? [] : [issued.expiresAt])),
  ]
  return {
    files: [
      ...x509.files,
      ...documents.files,
      ...tokens.flatMap(({ fileName, issued }) =>
        issued === undefined
          ? []
          : [{ name: fileName, content: Buffer.from(issued.token), mode: config.jwtSvidFileMode }],
      ),
    ],
    validUntil: ends.length === 0 ? undefined : new Date(Math.min(...ends.map((end) => end.getTime()))),
    missing: [
      ...x509.missing,
      ...documents.missing,
      ...tokens.flatMap(({ fileName, issued }) => (issued === undefined ? [fileName] : [])),
    ],
  }
}

export function wantsX509(config: OutputConfig): boolean {
  return x509Names(config).length > 0 || config.bundlePerTrustDomain
}

/** The names of tokens and JWT bundles. */
export function jwtNames(config: OutputConfig): readonly string[] {
  const bundles = [config.jwtBundleFileName, config.jwksFileName, config.spiffeBundleFileName]
  return [...config.jwtSvids.map(({ fileName }) => fileName), ...bundles.filter((name) => name !== undefined)]
}

function x509Names({ bundleFileName, keyFileName, svidFileName }: OutputConfig): readonly string[] {
  return [...new Set([bundleFileName, keyFileName, svidFileName].filter((name) => name !== undefined))]
}

/**
 * In the order of writing: what a reader trusts first, then the key, then the chain, so that a chain never stands
 * beside an older bundle or key. Parts of one name make one file, the key before the chain before the bundle; it is as
 * secret as its most secret part.
 */
function x509Files(config: OutputConfig, material: SvidMaterial | undefined, now: number) {
  if (material === undefined) return { files: [], missing: x509Names(config) }
  const parts = x509PartsOf(material, config, now)
  const key = config.keyFileName === undefined ? '' : keyPemOf(material)
  const byName = new Map<string, { text: string; mode: number }>()
  const add = (name: string | undefined, text: string, mode: number) => {
    if (name === undefined) return
    const held = byName.get(name)
    byName.set(name, { text: (held?.text ?? '') + text, mode: held?.mode ?? mode })
  }
  add(config.keyFileName, key, config.keyFileMode)
  add(config.svidFileName, parts.chain, config.certFileMode)
  add(config.bundleFileName, parts.bundle, config.certFileMode)
  if (config.bundlePerTrustDomain) {
    for (const [name, text] of parts.bundles) add(trustDomainBundleName(name), text, config.certFileMode)
  }
  const order = (name: string) => [config.bundleFileName, config.keyFileName, config.svidFileName].lastIndexOf(name)
  const files = [...byName].map(([name, { text, mode }]) => ({ name, content: Buffer.from(text), mode }))
  return { files: files.sort((one, other) => order(one.name) - order(other.name)), missing: [] }
}
