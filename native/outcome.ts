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
  readonly peer?: string | undefined
  /** Of the peer's leaf: lower-case hexadecimal. */
  readonly serialNumber?: string | undefined
  readonly decision: 'allowed' | 'denied'
  readonly outcome: OutcomeCode
  /** One line of printable ASCII, at most a few hundred characters; may be empty. */
  readonly reason: string
  /** Plaintext bytes. */
  readonly bytesFromPeer: number
  readonly bytesToPeer: number
  readonly durationMs: number
}

/** An outcome as the addon writes it. */
type OutcomeRecord = Omit<ConnectionOutcome, 'time' | 'decision'> & { readonly time: number; readonly allowed: boolean }

function toOutcome(record: OutcomeRecord): ConnectionOutcome {
  return {
    time: new Date(record.time),
    generation: record.generation,
    remote: record.remote,
    peer: record.peer,
    serialNumber: record.serialNumber,
    decision: record.allowed ? 'allowed' : 'denied',
    outcome: record.outcome,
    reason: record.reason,
    bytesFromPeer: record.bytesFromPeer,
    bytesToPeer: record.bytesToPeer,
    durationMs: record.durationMs,
  }
}

/** Reads a batch as the addon hands it over. */
export function parseOutcomes(batch: string): ConnectionOutcome[] {
  // Written by the addon of this very version; a test compares the list of codes above with the addon's own.
  const records: OutcomeRecord[] = JSON.parse(batch)
  return records.map(toOutcome)
}
