import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import {
  type TrustDomain,
  trustDomainOf,
  parseSpiffeId,
  X509Bundle,
  type X509BundleSet,
} from '../../workload-api/index.js'
import { describeAuthority, describeSvid, type Description } from './describe-chain.js'

const sizeLimitBytes = 1024 * 1024
const certificateBlock = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g
const keyBlock = /-----BEGIN (?:EC |RSA )?PRIVATE KEY-----[A-Za-z0-9+/=\s]+-----END (?:EC |RSA )?PRIVATE KEY-----/

/** The file is not something that can be told of; the text says why. */
export class InspectError extends Error {
  override readonly name = 'InspectError'
}

async function readBounded(path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path)
    if (size > sizeLimitBytes) throw new InspectError(`"${path}" is larger than 1 MiB`)
    return await readFile(path)
  } catch (error) {
    if (error instanceof InspectError) throw error
    throw new InspectError(`cannot read "${path}"`, { cause: error })
  }
}

function certificatesOf(path: string, content: Buffer): readonly X509Certificate[] {
  const blocks: readonly (string | Buffer)[] = content.toString('latin1').match(certificateBlock) ?? [content]
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch (cause) {
    throw new InspectError(`"${path}" holds no certificate in PEM or DER`, { cause })
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

/** The authorities of a PEM file as the bundle of the trust domain the SVID claims. */
async function bundlesFor(leaf: X509Certificate, bundlePath: string | undefined): Promise<X509BundleSet | undefined> {
  if (bundlePath === undefined) return undefined
  const authorities = certificatesOf(bundlePath, await readBounded(bundlePath))
  const trustDomain = claimedTrustDomain(leaf)
  if (trustDomain === undefined) return new Map()
  const der = Buffer.concat(authorities.map((authority) => authority.raw))
  return new Map([[trustDomain, X509Bundle.parse(trustDomain, der)]])
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

/** Tells of the certificates in a file: an X.509-SVID with or without its key, or a bundle of authorities. */
export async function inspectFile(
  path: string,
  bundlePath: string | undefined,
  now: Date,
): Promise<readonly Description[]> {
  const content = await readBounded(path)
  const certificates = certificatesOf(path, content)
  const [leaf] = certificates
  if (leaf === undefined) throw new InspectError(`"${path}" holds no certificate in PEM or DER`)
  if (certificates.every(isAuthority)) return certificates.map((certificate) => describeAuthority(certificate.raw, now))
  const bundles = await bundlesFor(leaf, bundlePath)
  const svid = describeSvid(
    certificates.map((certificate) => certificate.raw),
    bundles,
    now,
  )
  const key = keyDescription(content, leaf)
  return key === undefined ? [svid] : [svid, key]
}
