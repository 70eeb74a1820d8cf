import { trustDomainOf } from '../spiffe-id/spiffe-id.js'
import { verifyX509Svid } from '../x509/verify-x509-svid.js'
import { X509Bundle } from '../x509/x509-bundle.js'
import { X509Svid } from '../x509/x509-svid.js'
import { folderFeed, type Files, type FolderOptions } from './folder.js'
import type { Feed } from './live-source.js'
import type { X509Snapshot } from './x509-source.js'

/** The PEM files of a folder; the defaults are the names of spiffe-helper's own example. */
export interface SvidFolderOptions extends FolderOptions {
  /** The chain, leaf first; `svid.pem` by default. */
  readonly svidFile?: string
  /** `svid_key.pem` by default. */
  readonly keyFile?: string
  /** The authorities of the SVID's own trust domain; `svid_bundle.pem` by default. */
  readonly bundleFile?: string
}

export function svidFolderFeed(options: SvidFolderOptions): Feed<X509Snapshot> {
  const { svidFile = 'svid.pem', keyFile = 'svid_key.pem', bundleFile = 'svid_bundle.pem' } = options
  const valueOf = (files: Files): X509Snapshot => {
    const text = (name: string): string => files.get(name)?.toString('utf8') ?? ''
    // Files are written one after another: a key of one rotation and a chain of another fit nowhere and are refused.
    const svid = X509Svid.parsePem(text(svidFile), text(keyFile))
    const bundle = X509Bundle.parsePem(trustDomainOf(svid.id), text(bundleFile))
    const bundles = new Map([[bundle.trustDomain, bundle]])
    verifyX509Svid(svid.chain, bundles)
    return { svid, bundles }
  }
  return folderFeed(options, () => Promise.resolve([svidFile, keyFile, bundleFile]), valueOf)
}
