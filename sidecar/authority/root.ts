import type { Signer } from '../../parsec-core/index.js'
import type { ScheduledRoot } from './ca-schedule.js'

/** An authority of the trust domain: its certificate, and its key while it has one that signs. */
export interface Root extends ScheduledRoot {
  /** The key's name in the provider. */
  readonly keyName: string
  /** DER. */
  readonly certificate: Uint8Array
  /** Undefined once retired: its key is destroyed. */
  readonly signer: Signer | undefined
}

/** Keeps the roots of an authority across restarts; their keys are the provider's affair. */
export interface RootStore {
  /** Throws `AuthorityError` (`ERR_AUTHORITY_STATE`). */
  load(): Promise<readonly Root[]>
  /** Survives a crash from the moment this resolves. Throws `AuthorityError` (`ERR_AUTHORITY_STATE`). */
  save(roots: readonly Root[]): Promise<void>
  /** Lets another process have it. */
  close(): void
}
