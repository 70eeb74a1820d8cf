import type { ConnectionOutcome } from '../../native/index.js'
import type { Logger } from '../log/logger.js'
import { RefusalLimiter } from '../log/refusal-limiter.js'

/** Where a tunnel stands while its connections end: what an audit line names beside the connection itself. */
export interface AuditedTunnel {
  readonly tunnel: string
  readonly identity: string
  /** Of the private key in use now: a connection's own may have been of an SVID before it, in the same provider. */
  readonly residency: string | undefined
}

/** One line for each connection; refusals of one kind are limited, with a count of what was left out. */
export class ConnectionAudit {
  readonly #log: Logger
  readonly #limiter: RefusalLimiter

  constructor(log: Logger) {
    this.#log = log
    this.#limiter = new RefusalLimiter((kind, count) => {
      log.warn('further refusals of one kind, not listed one by one', { kind, count })
    })
  }

  record(where: AuditedTunnel, outcomes: readonly ConnectionOutcome[]): void {
    for (const outcome of outcomes) this.#recordOne(where, outcome)
  }

  close(): void {
    this.#limiter.close()
  }

  #recordOne(where: AuditedTunnel, outcome: ConnectionOutcome): void {
    const refused = outcome.decision === 'denied'
    if (refused && !this.#limiter.admits(`${where.tunnel} ${outcome.outcome} ${outcome.peer ?? ''}`)) return
    const line = refused ? this.#log.warn : this.#log.info
    line('connection', {
      // Not by a spread: properties defined after one cost this line half of its time.
      tunnel: where.tunnel,
      identity: where.identity,
      residency: where.residency,
      accepted: outcome.time.toISOString(),
      remote: outcome.remote,
      peer: outcome.peer,
      serialNumber: outcome.serialNumber,
      decision: outcome.decision,
      outcome: outcome.outcome,
      reason: outcome.reason === '' ? undefined : outcome.reason,
      bytesFromPeer: outcome.bytesFromPeer,
      bytesToPeer: outcome.bytesToPeer,
      durationMs: outcome.durationMs,
      generation: outcome.generation,
    })
  }
}
