import { createPrivateKey, X509Certificate } from 'node:crypto'
import {
  type TrustDomain,
  trustDomainOf,
  parseSpiffeId,
  SpiffeBundle,
  X509Bundle,
  type X509BundleSet,
} from '../../workload-api/index.js'
import { describeBundle, isDocument } from './describe-bundle.js'
import { describeAuthority, describeSvid, type Description } from './describe-chain.js'
import { describeToken, tokenOf } from './describe-token.js'
import { InspectError } from './inspect-error.js'
import { nameOf, readContent } from './read-content.js'

const contents = 'holds no certificate in PEM or DER, no trust bundle in JSON and no token'

const certificateBlock = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g
const keyBlock = /-----BEGIN (?:EC |RSA )?PRIVATE KEY-----[A-Za-z0-9+/=\s]+-----END (?:EC |RSA )?PRIVATE KEY-----/

function certificatesOf(path: string, content: Buffer): readonly X509Certificate[] {
  const blocks: readonly (string | Buffer)[] = content.toString('latin1').match(certificateBlock) ?? [content]
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch (cause) {
    throw new InspectError(`${nameOf(path)} ${contents}`, { cause })
  }
}

function isAuthority(certificate: X509Certificate): boolean {
  return certificate.ca
}

/** Whether the private key beside the certificates fits the leaf; the key itself is never shown. */
function keyDescription(content: Buffer, leaf: X509Certificate): Description | undefined {
  const pem = keyBlock.exec(content.toString('latin1'))?.[0]
  if (pem === undefined) return undefined
  const fits = keyFits(pem, leaf)
  const verdict = fits ? 'fits the leaf' : 'DOES NOT FIT the leaf'
  return {
    title: 'private key',
    rows: [['verdict', verdict]],
    faults: fits ? [] : ['the private key does not fit the leaf'],
  }
}

function keyFits(pem: string, leaf: X509Certificate): boolean {
  try {
    return leaf.checkPrivateKey(createPrivateKey(pem))
  } catch {
    // Unreadable is as useless as foreign; OpenSSL's text could quote it.
    return false
  }
}

/** The authorities of a file as the bundle of the trust domain the SVID claims. */
function bundlesFor(leaf: X509Certificate, path: string, content: Buffer): X509BundleSet {
  const trustDomain = claimedTrustDomain(leaf)
  if (trustDomain === undefined) return new Map()
  const bundle = isDocument(content)
    ? SpiffeBundle.parse(trustDomain, content).x509Bundle()
    : X509Bundle.parse(trustDomain, Buffer.concat(certificatesOf(path, content).map(({ raw }) => raw)))
  return new Map(bundle === undefined ? [] : [[trustDomain, bundle]])
}

function claimedTrustDomain(leaf: X509Certificate): TrustDomain | undefined {
  const [uri] = /spiffe:\/\/[^\s,"]+/.exec(leaf.subjectAltName ?? '') ?? []
  try {
    return uri === undefined ? undefined : trustDomainOf(parseSpiffeId(uri))
  } catch {
    // The verification names what is wrong with it.
    return undefined
  }
}

/**
 * Tells of what a file, or the standard input (`-`), holds: an X.509-SVID with or without its key, a token, a bundle of
 * authorities in PEM, DER or JSON. Throws `InspectError` and `SpiffeError`.
 */
export async function inspectFile(
  path: string,
  bundlePath: string | undefined,
  now: Date,
): Promise<readonly Description[]> {
  const content = await readContent(path)
  const bundle = bundlePath === undefined ? undefined : await readContent(bundlePath)
  const token = tokenOf(content.toString('latin1'))
  if (token !== undefined) return [await describeToken(token, bundle, now)]
  if (isDocument(content)) return describeBundle(content, now)
  const certificates = certificatesOf(path, content)
  const [leaf] = certificates
  if (leaf === undefined) throw new InspectError(`${nameOf(path)} ${contents}`)
  if (certificates.every(isAuthority)) return certificates.map((certificate) => describeAuthority(certificate.raw, now))
  const bundles = bundle && bundlesFor(leaf, bundlePath ?? '', bundle)
  const svid = describeSvid(
    certificates.map((certificate) => certificate.raw),
    bundles,
    now,
  )
  const key = keyDescription(content, leaf)
  return key === undefined ? [svid] : [svid, key]
}
