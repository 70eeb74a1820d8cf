/** The admin socket speaks HTTP/1.1 with JSON: `curl --unix-socket PATH http://svidecar/status` works. */
export const adminPaths = { status: '/status', reload: '/reload', health: '/health', keys: '/keys' } as const

/** The answer to a reload: what was wrong with the new file, or nothing. */
export interface ReloadAnswer {
  readonly succeeded: boolean
  readonly faults: readonly string[]
}

/** The answer to a health question. */
export interface HealthAnswer {
  readonly ready: boolean
  readonly problems: readonly string[]
}

/** The answer to what cannot be done, or not be understood. */
export interface AdminRefusal {
  readonly error: string
}
