import type { BindingOutcome } from './binding.js'

/** Every way in which a connection can end. */
export const outcomeCodes = [
  'completed',
  'truncated',
  'no_certificate',
  'not_tls',
  'tls_version',
  'x509_svid_invalid',
  'untrusted',
  'expired',
  'denied',
  'authorizer_failed',
  'signer_failed',
  'handshake_timeout',
  'handshake_failed',
  'refused_by_peer',
  'target_unreachable',
  'target_timeout',
  'peer_reset',
  'target_reset',
  'idle_timeout',
  'lifetime',
  'close_timeout',
  'revoked',
  'generation_changed',
  'svid_expired',
  'no_valid_svid',
  'limit',
  'uid_refused',
  'drained',
  'closed',
  'panicked',
] as const

export type OutcomeCode = (typeof outcomeCodes)[number]

/** One ended connection, for the audit. */
export interface ConnectionOutcome {
  /** When it was accepted. */
  readonly time: Date
  /** Of the tunnel, as the connection was judged last. */
  readonly generation: number
  /** `address:port`, or `unix:uid=…,pid=…`. */
  readonly remote: string
  /** The SPIFFE ID, when the peer's chain was verified. */
  readonly peer?: string
  /** Of the peer's leaf: lower-case hexadecimal. */
  readonly serialNumber?: string
  readonly decision: 'allowed' | 'denied'
  readonly outcome: OutcomeCode
  /** One line of printable ASCII, at most a few hundred characters; may be empty. */
  readonly reason: string
  /** Plaintext bytes. */
  readonly bytesFromPeer: number
  readonly bytesToPeer: number
  readonly durationMs: number
}

export function toOutcome({ time, allowed, ...outcome }: BindingOutcome): ConnectionOutcome {
  return {
    ...outcome,
    // A test compares the list above with the addon's own.
    outcome: outcome.outcome as OutcomeCode,
    time: new Date(time),
    decision: allowed ? 'allowed' : 'denied',
  }
}
