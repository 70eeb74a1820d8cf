import type { SpiffeId, X509BundleSet } from '../../../workload-api/index.js'
import { renewalTime } from '../renewal-time.js'
import type { AgentKey } from './agent-keys.js'
import { verifyFromItsBeginning } from './issued-svid.js'
import { SpireError } from './spire-error.js'
import type { AgentRecord } from './state/agent-state.js'

/** An agent's SVID in use. */
export interface Standing {
  readonly record: AgentRecord
  readonly key: AgentKey
  readonly id: SpiffeId
  readonly notBefore: Date
  readonly notAfter: Date
  readonly renewAt: number
}

/** Throws `SpiffeError` for an SVID that the bundle does not vouch for (any more). */
export function standingOf(record: AgentRecord, key: AgentKey, bundles: X509BundleSet): Standing {
  const { id, notBefore, notAfter } = verifyFromItsBeginning(record.chain, bundles)
  const renewAt = renewalTime(notBefore.getTime(), notAfter.getTime())
  return { record, key, id, notBefore, notAfter, renewAt }
}

/** What is only valid later, by this machine's clock, is not shown before: the server would not be the one to blame. */
export function assertBegun({ notBefore }: Standing): void {
  const ahead = notBefore.getTime() - Date.now()
  if (ahead <= 0) return
  throw new SpireError('ERR_SPIRE_CLOCK', `the agent's SVID begins in ${Math.ceil(ahead / 1000)} s`)
}

/** What it means for an agent that its SVID on disk is no SVID any more; undefined for an error that says nothing of it. */
export function lossOf(error: unknown): SpireError | undefined {
  if (error instanceof SpireError) return error.code === 'ERR_SPIRE_AGENT_KEY_GONE' ? error : undefined
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (!code.startsWith('ERR_X509_SVID_')) return undefined
  return new SpireError('ERR_SPIRE_AGENT_EXPIRED', "the agent's SVID on disk is not valid any more", { cause: error })
}
