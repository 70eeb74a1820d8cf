import type { JwtBundleSet } from '../../workload-api/index.js'

/** A token in its compact form. */
export interface IssuedJwtSvid {
  readonly token: string
  readonly expiresAt: Date
}

/** Everything of JWT an output has at one moment. */
export interface JwtMaterial {
  /** By the name of the file. */
  readonly svids: ReadonlyMap<string, IssuedJwtSvid>
  /** Undefined before the first. */
  readonly bundles: JwtBundleSet | undefined
  /** Why there is nothing newer, a sentence; undefined when all is well. */
  readonly problem: string | undefined
}

/** Tokens and JWT bundles of one output, renewed in time by whoever implements it. */
export interface JwtFeed {
  readonly current: JwtMaterial
  /** Calls `listener` at every change from now on; returns how to stop that. */
  onChange(listener: () => void): () => void
  close(): Promise<void>
}
