import { AuthorityError } from './errors.js'

/** Signatures a uid may ask for at once after a pause, and a second in the long run. */
const burst = 2000
const perSecond = 100
/** More registered users than a host has; beyond, whoever asked longest ago is forgotten. */
const maxUids = 10_000

interface Bucket {
  tokens: number
  /** Milliseconds since the epoch. */
  filledAt: number
}

/** A token bucket for each uid: one that asks without pause does not keep the authority from signing for others. */
export class RequestLimiter {
  readonly #buckets = new Map<number, Bucket>()

  /** Throws `ERR_AUTHORITY_BUSY`. */
  take(uid: number, now: number): void {
    const bucket = this.#buckets.get(uid) ?? { tokens: burst, filledAt: now }
    const earned = (Math.max(0, now - bucket.filledAt) / 1000) * perSecond
    bucket.tokens = Math.min(burst, bucket.tokens + earned)
    bucket.filledAt = now
    // Taken out and put back, so that the first of the map is the one unused for longest.
    this.#buckets.delete(uid)
    this.#buckets.set(uid, bucket)
    this.#forgetOldest()
    if (bucket.tokens < 1) throw new AuthorityError('ERR_AUTHORITY_BUSY', `uid ${uid} asks for SVIDs too often`)
    bucket.tokens -= 1
  }

  #forgetOldest(): void {
    if (this.#buckets.size <= maxUids) return
    for (const oldest of this.#buckets.keys()) {
      this.#buckets.delete(oldest)
      return
    }
  }
}
