/** How long a watch waits between attempts. */
export interface BackoffOptions {
  /** The first pause that is not zero; 1,000 by default. */
  readonly initialMs: number
  /** No pause is longer; 30,000 by default. */
  readonly maxMs: number
}

export const defaultBackoff: BackoffOptions = { initialMs: 1_000, maxMs: 30_000 }

/**
 * The pause after so many failures in a row: none at first (Workload API section 4.2: reconnect immediately), then
 * doubling. `random`, from 0 to 1, takes off up to half, so that the clients of an agent that restarts do not all come
 * at once.
 */
export function backoffDelayMs(failures: number, { initialMs, maxMs }: BackoffOptions, random = Math.random()): number {
  if (failures === 0) return 0
  return Math.min(maxMs, initialMs * 2 ** (failures - 1)) * (1 - random / 2)
}
