import type { OutputStatus } from '../outputs/output-status.js'
import type { AnnouncerStatus } from '../processes/announcer.js'
import type { ProcessStatus } from '../processes/process-status.js'
import type { WorkloadApiStatus } from '../workload-endpoint/workload-api-status.js'

/** What `svidecar status --json` prints and the admin socket answers: plain data, times as ISO 8601, durations in ms. */
export interface Status {
  readonly version: string
  readonly pid: number
  readonly startedAt: string
  readonly config: ConfigStatus
  /** Every identity valid and every tunnel listening. */
  readonly ready: boolean
  /** Why not, one sentence each; empty when ready. */
  readonly problems: readonly string[]
  readonly identities: readonly IdentityStatus[]
  readonly tunnels: readonly TunnelStatus[]
  readonly authorities: readonly AuthorityStatus[]
  /** What keeps private keys: the blocks of the file, and `memory` for identities without one. */
  readonly keyProviders: readonly KeyProviderStatus[]
  readonly outputs: readonly (OutputStatus & AnnouncerStatus)[]
  /** The program `cmd` names; undefined without one. */
  readonly process: ProcessStatus | undefined
  readonly workloadApi: WorkloadApiStatus | undefined
  readonly log: { readonly lostLines: number }
}

export interface ConfigStatus {
  readonly path: string
  readonly loadedAt: string
  readonly reloads: number
  readonly lastReload:
    { readonly at: string; readonly succeeded: boolean; readonly faults: readonly string[] } | undefined
}

/**
 * `expired`: there was an SVID and its time is over. `key_missing`: the device lost the key of the SVID in use. In both
 * the tunnels refuse new connections until there is a new SVID.
 */
export type IdentityState = 'waiting' | 'valid' | 'expired' | 'key_missing'

export interface IdentityStatus {
  readonly name: string
  readonly source: string
  /** The label of its block; `memory` without one. */
  readonly keyProvider: string
  readonly state: IdentityState
  readonly svid:
    | {
        readonly spiffeId: string
        readonly serialNumber: string
        readonly notBefore: string
        readonly notAfter: string
        /** Where the private key came to be and is held: `generated in Tpm`, `software`. */
        readonly residency: string
        readonly trustDomains: readonly string[]
      }
    | undefined
  /** SVIDs put to use since the start, the first one included. */
  readonly svidsUsed: number
  /** The last thing that went wrong and has not been mended since. */
  readonly problem: { readonly at: string; readonly error: string; readonly advice: string } | undefined
}

export type TunnelState = 'waiting' | 'listening' | 'no_valid_svid' | 'draining'

export interface TunnelStatus {
  readonly name: string
  readonly mode: string
  readonly listen: string
  readonly target: string
  readonly identity: string
  readonly state: TunnelState
  readonly problem: string | undefined
  readonly generation: number
  readonly active: number
  readonly handshaking: number
  readonly accepted: number
  readonly bytesFromPeer: number
  readonly bytesToPeer: number
  /** How connections ended, by outcome; only those that occurred. */
  readonly outcomes: Readonly<Record<string, number>>
  readonly auditLost: number
}

export interface AuthorityStatus {
  readonly name: string
  readonly trustDomain: string
  readonly listen: string
  readonly issued: number
  readonly authorities: readonly { readonly serialNumber: string; readonly notAfter: string }[]
}

export interface KeyProviderStatus {
  readonly name: string
  readonly type: string
  /** `lost`: its device does not answer; handshakes that need it are refused until it does. */
  readonly state: 'ready' | 'lost'
  readonly lostSince: string | undefined
  /** Why it is lost, and what is waited for. */
  readonly reason: string | undefined
  readonly keys: number
  /** Keys that are known and that the device no longer has. */
  readonly missingKeys: number
}
