import type { KeyObject } from 'node:crypto'
import type { Signer } from '../../parsec-core/index.js'
import type { ScheduledRoot } from './ca-schedule.js'

/** A private key in the provider. */
export interface RootKey {
  /** The key's name in the provider. */
  readonly keyName: string
  /** Undefined once retired: the key is destroyed. */
  readonly signer: Signer | undefined
}

/** What signs tokens (JWT-SVID section 6): another key than that of the certificate, under one schedule with it. */
export interface JwtRootKey extends RootKey {
  /** The `kid` of what it signs. */
  readonly keyId: string
  readonly publicKey: KeyObject
}

/** An authority of the trust domain: its certificate, and its keys while it has those that sign. */
export interface Root extends ScheduledRoot, RootKey {
  /** DER. */
  readonly certificate: Uint8Array
  /** Undefined for an authority that was retired before there were tokens. */
  readonly jwt: JwtRootKey | undefined
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

/** Both keys of a root. */
export function keysOf({ keyName, signer, jwt }: Root): readonly RootKey[] {
  return jwt === undefined ? [{ keyName, signer }] : [{ keyName, signer }, jwt]
}

/** The names of the keys that can still sign. */
export function liveKeyNames(roots: readonly Root[]): readonly string[] {
  return roots.flatMap(keysOf).flatMap(({ keyName, signer }) => (signer ? [keyName] : []))
}

/** The root without its keys: what it signed stays good, and it signs no more. */
export function retired(root: Root): Root {
  return { ...root, state: 'retired', signer: undefined, jwt: root.jwt && { ...root.jwt, signer: undefined } }
}
