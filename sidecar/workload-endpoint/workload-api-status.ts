/** What the Workload API of this process offers. */
export interface WorkloadApiStatus {
  readonly listen: string
  /** The names of the identities. */
  readonly offered: readonly string[]
  readonly notOffered: readonly { readonly identity: string; readonly reason: string }[]
}
