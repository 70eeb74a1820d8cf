import type { Signer } from '../../../parsec-core/index.js'
import {
  isTrustDomain,
  parseTrustDomain,
  SpiffeError,
  verifyX509Svid,
  type TrustDomain,
  type X509Bundle,
  type X509BundleSet,
} from '../../../workload-api/index.js'
import { escapeText } from '../../log/escape-text.js'
import { verifiedRequest } from './agent-request.js'
import { batchNewX509Svid } from './api/methods.js'
import { call, serverText } from './channel/calls.js'
import type { ServerConnection } from './channel/server-connection.js'
import type { Entry } from './entries.js'
import { acceptIssued, type IssuedSvid } from './issued-svid.js'
import { fetchFederatedBundle, type ServerBundle } from './server-bundle.js'
import { SpireError } from './spire-error.js'

const deadlineMs = 15_000
/** Federated bundles are asked for this many at a time. */
const bundlesAtOnce = 8

/**
 * Has an SVID for the signer's key issued for an entry. The server answers for each request of a batch apart: the call
 * as a whole succeeds although the entry is gone. Throws `SpireError`, `SpiffeError`, `ParsecError`.
 */
export async function enrol(
  connection: ServerConnection,
  entry: Entry,
  signer: Signer,
  bundles: X509BundleSet,
  signal: AbortSignal,
): Promise<IssuedSvid> {
  const csr = await verifiedRequest(signer, entry.spiffeId)
  const request = { params: [{ entryId: entry.id, csr }] }
  const { results } = await call(connection, batchNewX509Svid, request, { signal, deadlineMs })
  const [result] = results
  if (result === undefined || results.length !== 1) {
    throw new SpireError('ERR_SPIRE_RESPONSE_INVALID', `the server answers ${results.length} results to one request`)
  }
  const { code, message } = result.status ?? { code: 0, message: '' }
  if (code !== 0) {
    throw new SpireError('ERR_SPIRE_SVID_REFUSED', `the server issues no SVID (code ${code}): ${serverText(message)}`)
  }
  return acceptIssued(result.svid, { id: entry.spiffeId, signer, bundles })
}

/**
 * The bundles an entry gives: the own trust domain's and those it federates with. One the server does not have is left
 * out, and told: its peers are then refused.
 */
export async function bundlesFor(
  connection: ServerConnection,
  entry: Entry,
  own: X509Bundle,
  signal: AbortSignal,
  onMissing: (text: string) => void,
): Promise<X509BundleSet> {
  const bundles = new Map<TrustDomain, X509Bundle>([[own.trustDomain, own]])
  const wanted = [...new Set(entry.federatesWith.map((name) => name.replace(/^spiffe:\/\//, '')))]
  for (let begin = 0; begin < wanted.length; begin += bundlesAtOnce) {
    const group = wanted.slice(begin, begin + bundlesAtOnce)
    const fetched = await Promise.all(group.map((name) => federatedBundle(connection, name, signal, onMissing)))
    for (const bundle of fetched) {
      // What another trust domain's bundle says of the own one is nothing.
      if (bundle !== undefined && bundle.trustDomain !== own.trustDomain) bundles.set(bundle.trustDomain, bundle)
    }
  }
  return bundles
}

async function federatedBundle(
  connection: ServerConnection,
  name: string,
  signal: AbortSignal,
  onMissing: (text: string) => void,
): Promise<X509Bundle | undefined> {
  const shown = escapeText(name.slice(0, 300))
  if (!isTrustDomain(name)) {
    onMissing(`the entry federates with "${shown}", which is no trust domain`)
    return undefined
  }
  try {
    return await fetchFederatedBundle(connection, parseTrustDomain(name), signal)
  } catch (error) {
    const isMissing =
      error instanceof SpireError &&
      (error.code === 'ERR_SPIRE_SERVER_FAILED' || error.code === 'ERR_SPIRE_RESPONSE_INVALID')
    if (!isMissing) throw error
    onMissing(`the server has no bundle of "${shown}", with which the entry federates: its workloads are refused`)
    return undefined
  }
}

/** Whether a chain leads to an authority that is not about to be revoked. */
export function isUntainted(chain: readonly Uint8Array[], { x509, untainted }: ServerBundle): boolean {
  if (untainted === x509) return true
  if (untainted === undefined) return false
  try {
    verifyX509Svid(chain, new Map([[untainted.trustDomain, untainted]]))
    return true
  } catch (error) {
    if (error instanceof SpiffeError) return error.code !== 'ERR_X509_SVID_UNTRUSTED'
    throw error
  }
}
