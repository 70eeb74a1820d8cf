import { X509Certificate } from 'node:crypto'
import type { Signer } from '../../../parsec-core/index.js'
import {
  SpiffeError,
  verifyX509Svid,
  type SpiffeId,
  type VerifiedX509Svid,
  type X509BundleSet,
} from '../../../workload-api/index.js'
import { leafHasKey } from '../leaf-has-key.js'
import type { X509SvidMessage } from './api/types.js'
import { SpireError } from './spire-error.js'

/** What was asked for; what comes must be that. */
export interface ExpectedSvid {
  /** Undefined for an agent's, whose ID the server chooses: `isAgentId` judges it. */
  readonly id: SpiffeId | undefined
  readonly signer: Signer
  readonly bundles: X509BundleSet
}

export interface IssuedSvid {
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[]
  readonly verified: VerifiedX509Svid
}

/** Clocks of server and sidecar may be this far apart: what the server says is valid from now on is waited for. */
const maxClockLeadMs = 300_000
const maxChainLength = 32

/**
 * Checks an SVID a server sent before any of it is kept: by every rule against the bundle, the ID, the key of the
 * request. One that begins soon is verified for its beginning. Throws `SpireError`, `SpiffeError`.
 */
export function acceptIssued(message: X509SvidMessage | undefined, expected: ExpectedSvid): IssuedSvid {
  if (message === undefined) throw new SpireError('ERR_SPIRE_RESPONSE_INVALID', 'the server answered without an SVID')
  const chain = message.certChain.map((der) => Uint8Array.from(der))
  if (chain.length > maxChainLength) throw new SpireError('ERR_SPIRE_RESPONSE_INVALID', 'the chain is too long')
  const verified = verifyFromItsBeginning(chain, expected.bundles)
  if (expected.id !== undefined && verified.id !== expected.id) {
    throw new SpiffeError('ERR_X509_SVID_ID_MISMATCH', 'the SVID is of another ID than asked for')
  }
  if (!leafHasKey(chain, expected.signer)) {
    throw new SpiffeError('ERR_X509_SVID_KEY_MISMATCH', 'the SVID is for another key than that of the request')
  }
  return { chain, verified }
}

/** Verifies a chain for now or, where it begins within the next minutes, for its beginning. */
export function verifyFromItsBeginning(chain: readonly Uint8Array[], bundles: X509BundleSet): VerifiedX509Svid {
  try {
    return verifyX509Svid(chain, bundles)
  } catch (error) {
    if (!(error instanceof SpiffeError) || error.code !== 'ERR_X509_SVID_NOT_YET_VALID') throw error
    return verifyX509Svid(chain, bundles, { time: new Date(beginningOf(chain, error)) })
  }
}

/** The latest beginning of the chain; throws `error` when it is too far away to be a difference of clocks. */
function beginningOf(chain: readonly Uint8Array[], error: SpiffeError): number {
  const beginning = Math.max(...chain.map((der) => new Date(new X509Certificate(der).validFrom).getTime()))
  if (beginning - Date.now() <= maxClockLeadMs) return beginning
  throw error
}
