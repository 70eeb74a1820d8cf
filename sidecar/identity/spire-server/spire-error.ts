import type { DenialReason } from './api/denial.js'

/**
 * Every way in which getting an SVID from a SPIRE server can fail. Closed: the advice for operators is a table of it.
 *
 * - `…_SERVER_…`: the connection: nobody answers, or who answers is not to be trusted.
 * - `…_AGENT_…`: the server does not serve this agent (any more).
 * - `…_TOKEN_…`, `…_ATTESTATION_…`: becoming an agent.
 * - `…_ENTRY_…`, `…_SVID_…`: what the agent is entitled to.
 */
export type SpireErrorCode =
  | 'ERR_SPIRE_SERVER_UNREACHABLE'
  | 'ERR_SPIRE_SERVER_SILENT'
  | 'ERR_SPIRE_SERVER_UNTRUSTED'
  | 'ERR_SPIRE_SERVER_EXPIRED'
  | 'ERR_SPIRE_SERVER_OTHER_ID'
  | 'ERR_SPIRE_SERVER_TLS'
  | 'ERR_SPIRE_SERVER_FAILED'
  | 'ERR_SPIRE_SERVER_BUSY'
  | 'ERR_SPIRE_SERVER_TOO_OLD'
  | 'ERR_SPIRE_AGENT_EXPIRED'
  | 'ERR_SPIRE_AGENT_NOT_ATTESTED'
  | 'ERR_SPIRE_AGENT_NOT_ACTIVE'
  | 'ERR_SPIRE_AGENT_BANNED'
  | 'ERR_SPIRE_AGENT_MUST_REATTEST'
  | 'ERR_SPIRE_AGENT_CERTIFICATE_REFUSED'
  | 'ERR_SPIRE_AGENT_DENIED'
  | 'ERR_SPIRE_AGENT_KEY_GONE'
  | 'ERR_SPIRE_AGENT_SIGNER'
  | 'ERR_SPIRE_TOKEN_UNREADABLE'
  | 'ERR_SPIRE_TOKEN_SPENT'
  | 'ERR_SPIRE_ATTESTATION_MATERIAL'
  | 'ERR_SPIRE_ATTESTATION_REFUSED'
  | 'ERR_SPIRE_BUNDLE_UNREADABLE'
  | 'ERR_SPIRE_ENTRY_NOT_FOUND'
  | 'ERR_SPIRE_ENTRY_AMBIGUOUS'
  | 'ERR_SPIRE_ENTRY_OTHER_ID'
  | 'ERR_SPIRE_SVID_REFUSED'
  | 'ERR_SPIRE_RESPONSE_INVALID'
  | 'ERR_SPIRE_STATE'
  | 'ERR_SPIRE_CLOCK'

/** Why there is no SVID from the server. Its own words are in the message only escaped and bounded. */
export class SpireError extends Error {
  override readonly name = 'SpireError'
  readonly code: SpireErrorCode

  constructor(code: SpireErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** What ends an agent's standing with its server, whatever it is asked: only another attestation mends it. */
const endsStanding: ReadonlySet<SpireErrorCode> = new Set<SpireErrorCode>([
  'ERR_SPIRE_AGENT_EXPIRED',
  'ERR_SPIRE_AGENT_NOT_ATTESTED',
  'ERR_SPIRE_AGENT_NOT_ACTIVE',
  'ERR_SPIRE_AGENT_MUST_REATTEST',
  'ERR_SPIRE_AGENT_CERTIFICATE_REFUSED',
  'ERR_SPIRE_AGENT_KEY_GONE',
])

export function needsAttestation({ code }: SpireError): boolean {
  return endsStanding.has(code)
}

/** The server's reason for a denial as an error of ours. */
export const denialCodes: Readonly<Record<DenialReason, readonly [code: SpireErrorCode, text: string]>> = {
  unknown: ['ERR_SPIRE_AGENT_DENIED', 'the server denies the call and gives no reason'],
  agentExpired: ['ERR_SPIRE_AGENT_EXPIRED', "the server says that this agent's SVID has expired"],
  agentNotAttested: ['ERR_SPIRE_AGENT_NOT_ATTESTED', 'the server does not know this agent (any more): it was evicted'],
  agentNotActive: [
    'ERR_SPIRE_AGENT_NOT_ACTIVE',
    "the server knows a newer SVID of this agent: this one's time is over",
  ],
  agentBanned: ['ERR_SPIRE_AGENT_BANNED', 'the server has banned this agent'],
  agentMustReattest: ['ERR_SPIRE_AGENT_MUST_REATTEST', 'the server wants this agent to attest again'],
}
