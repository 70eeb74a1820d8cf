/** Plain data, times as ISO 8601, as everything the status prints. */
export interface OutputStatus {
  readonly name: string
  readonly identity: string
  readonly directory: string
  readonly layout: string
  /** The names of the set on disk; empty before the first. */
  readonly files: readonly string[]
  /** Sets put in place that differed from what lay there. */
  readonly rotations: number
  readonly lastWrittenAt: string | undefined
  /** The first end of what the files hold. */
  readonly validUntil: string | undefined
  readonly writeFailures: number
  /** Why it is not ready, a sentence each; empty when every file lies on disk, valid and current. */
  readonly problems: readonly string[]
}

/** One file in the words of spiffe-helper's probes. */
export interface FileStatus {
  readonly path: string
  readonly kind: 'x509' | 'jwt'
  readonly state: 'unwritten' | 'failed' | 'written'
}
