/**
 * `waiting`: for the first files. `pausing`: it ended and is started again after a while. `exited`: it ended and is
 * started again when files change.
 */
export type ProcessState = 'waiting' | 'running' | 'pausing' | 'exited' | 'stopped'

/** Plain data, times as ISO 8601. Arguments are not shown: they may hold secrets. */
export interface ProcessStatus {
  readonly program: string
  readonly state: ProcessState
  readonly pid: number | undefined
  readonly startedAt: string | undefined
  /** Starts after the first. */
  readonly restarts: number
  readonly lastExit:
    { readonly at: string; readonly code: number | undefined; readonly signal: string | undefined } | undefined
  readonly signalsTried: number
  readonly signalsFailed: number
  readonly problem: string | undefined
}
