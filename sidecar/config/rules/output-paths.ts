import { join, resolve } from 'node:path'
import { isTrustDomainBundleName } from '../../outputs/file-names.js'
import { quoted, type Position } from '../faults.js'
import type { OutputConfig } from '../output-model.js'
import type { Reading } from '../schema/spec.js'

interface Holder {
  readonly owner: string
  readonly name: string
  readonly at: Position
}

/** Every file the outputs write: no two may be at one path, or each would overwrite the other's. */
export class OutputPaths {
  readonly #files = new Map<string, Holder>()
  readonly #directories = new Map<string, { readonly owner: string; readonly isAtomic: boolean }>()
  readonly #bundleDirectories = new Map<string, string>()
  readonly #reading: Reading

  constructor(reading: Reading) {
    this.#reading = reading
  }

  /** The names of one output; equal ones of chain, key and bundle are one file. */
  claim(output: OutputConfig, at: Position, owner: string): void {
    const directory = resolve(output.directory)
    this.#claimDirectory(directory, output.layout === 'atomic', at, owner)
    const x509 = [output.bundleFileName, output.keyFileName, output.svidFileName]
    const rest = [
      ...output.jwtSvids.map(({ fileName }) => fileName),
      output.jwtBundleFileName,
      output.jwksFileName,
      output.spiffeBundleFileName,
    ]
    for (const name of [...new Set(x509), ...rest]) {
      if (name !== undefined) this.#claimFile(directory, { owner, name, at })
    }
    if (output.bundlePerTrustDomain) this.#claimBundles(directory, at, owner)
  }

  #claimFile(directory: string, holder: Holder): void {
    const path = join(directory, holder.name)
    const earlier = this.#files.get(path)
    const { faults } = this.#reading
    if (earlier !== undefined) {
      const whose = earlier.owner === holder.owner ? 'twice' : `of ${earlier.owner} too`
      faults.add(holder.at, `${holder.owner} writes ${quoted(path)}, the file ${whose}`)
    }
    this.#files.set(path, holder)
    const bundles = this.#bundleDirectories.get(directory)
    if (bundles !== undefined && isTrustDomainBundleName(holder.name)) {
      faults.add(
        holder.at,
        `${quoted(holder.name)} of ${holder.owner} could be a bundle per trust domain of ${bundles}`,
      )
    }
  }

  #claimBundles(directory: string, at: Position, owner: string): void {
    const { faults } = this.#reading
    const other = this.#bundleDirectories.get(directory)
    if (other !== undefined)
      faults.add(at, `${owner} and ${other} both write a bundle per trust domain to one directory`)
    this.#bundleDirectories.set(directory, owner)
    for (const [path, holder] of this.#files) {
      if (path === join(directory, holder.name) && isTrustDomainBundleName(holder.name)) {
        faults.add(at, `${quoted(holder.name)} of ${holder.owner} could be a bundle per trust domain of ${owner}`)
      }
    }
  }

  #claimDirectory(directory: string, isAtomic: boolean, at: Position, owner: string): void {
    const other = this.#directories.get(directory)
    if (other !== undefined && (isAtomic || other.isAtomic)) {
      this.#reading.faults.add(
        at,
        `layout "atomic" has its directory alone, and ${other.owner} writes to it too: ${owner}`,
      )
    }
    this.#directories.set(directory, { owner, isAtomic: isAtomic || other?.isAtomic === true })
  }
}
