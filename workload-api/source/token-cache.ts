import type { JwtSvidParams } from '../client/jwt-response.js'
import { SpiffeError, type SpiffeErrorCode } from '../errors.js'
import type { JwtSvid } from '../jwt-svid/jwt-svid.js'

interface Entry {
  readonly svid: JwtSvid
  /** Half of what was left when it came; from then on a new one is asked for. */
  readonly renewAt: number
}

/** More audiences than a program talks to; without a bound each name a caller makes up would stay for ever. */
const maxEntries = 1_000

/** The agent has decided: an old token is not used on in spite of it. */
const decided: ReadonlySet<SpiffeErrorCode> = new Set([
  'ERR_WORKLOAD_API_PERMISSION_DENIED',
  'ERR_WORKLOAD_API_INVALID_ARGUMENT',
  'ERR_WORKLOAD_API_UNIMPLEMENTED',
  'ERR_WORKLOAD_API_CLOSED',
])

/** Keeps tokens until half of their life is over, and uses them on to its end if no new one is to be had. */
export class TokenCache {
  readonly #fetch: (params: JwtSvidParams) => Promise<JwtSvid>
  readonly #now: () => number
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry>()
  readonly #fetching = new Map<string, Promise<JwtSvid>>()

  /** `now` is the wall clock, which the expiry of tokens is of. */
  constructor(fetch: (params: JwtSvidParams) => Promise<JwtSvid>, now: () => number = Date.now) {
    this.#fetch = fetch
    this.#now = now
  }

  async get(params: JwtSvidParams): Promise<JwtSvid> {
    // As JSON: joined by any character, two lists of names could be one key.
    const key = JSON.stringify([params.subject ?? '', ...params.audience.toSorted()])
    const entry = this.#entries.get(key)
    if (entry !== undefined && this.#now() < entry.renewAt) return this.#keep(key, entry).svid
    try {
      return await this.#renewed(key, params)
    } catch (error) {
      const mayUse = entry !== undefined && entry.svid.expiresAt.getTime() > this.#now()
      if (!mayUse || (error instanceof SpiffeError && decided.has(error.code))) {
        this.#entries.delete(key)
        throw error
      }
      return entry.svid
    }
  }

  clear(): void {
    this.#entries.clear()
  }

  /** One request at a time for each key, however many ask. */
  #renewed(key: string, params: JwtSvidParams): Promise<JwtSvid> {
    const running = this.#fetching.get(key)
    if (running !== undefined) return running
    const fetching = this.#fetch(params)
      .then((svid) => {
        const now = this.#now()
        return this.#keep(key, { svid, renewAt: now + (svid.expiresAt.getTime() - now) / 2 }).svid
      })
      .finally(() => this.#fetching.delete(key))
    this.#fetching.set(key, fetching)
    return fetching
  }

  #keep(key: string, entry: Entry): Entry {
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > maxEntries && oldest !== undefined) this.#entries.delete(oldest)
    return entry
  }
}
