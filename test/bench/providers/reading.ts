/** One number of the table, and the bound it is judged by. */
export interface Reading {
  readonly metric: string
  readonly column: string
  readonly unit: string
  readonly value: number
}

export interface Verdict {
  readonly what: string
  readonly value: number
  readonly unit: string
  /** The least, or the most, that meets the target. */
  readonly bound: number
  readonly less: boolean
}

export function isMet({ value, bound, less }: Verdict): boolean {
  return less ? value <= bound : value >= bound
}

export interface Effort {
  readonly rounds: number
  readonly signSeconds: number
  /** New connections with keys that sign within the process, and with those of a TPM. */
  readonly connections: number
  readonly tpmConnections: number
  readonly roundTrips: number
}
