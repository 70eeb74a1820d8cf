import type { SpiffeId } from '../../../workload-api/index.js'
import type { SpireServerIdentityConfig } from '../../config/index.js'
import { errorText } from '../../log/logger.js'
import type { IdentityListener } from '../identity-source.js'
import { spireAdvice } from './advice.js'
import { SpireError } from './spire-error.js'

/** The same trouble is told again this often. */
const reminderMs = 30_000
const mostWarnings = 100

/** What is wrong at the moment, told once and again after a while. */
export class SpireTroubles {
  readonly #config: SpireServerIdentityConfig
  readonly #listener: IdentityListener
  readonly #agentId: () => SpiffeId | undefined
  readonly #warned = new Set<string>()
  #told: { readonly advice: string; readonly at: number } | undefined
  #last: unknown

  constructor(config: SpireServerIdentityConfig, listener: IdentityListener, agentId: () => SpiffeId | undefined) {
    this.#config = config
    this.#listener = listener
    this.#agentId = agentId
  }

  /** Whether all is well but for the entry, which somebody has yet to make. */
  get isSearch(): boolean {
    return this.#last instanceof SpireError && this.#last.code === 'ERR_SPIRE_ENTRY_NOT_FOUND'
  }

  /** `retryInMs` is undefined when nothing more is tried, or something else goes on meanwhile. */
  tell(error: unknown, retryInMs: number | undefined, advice?: string): void {
    this.#last = error
    const now = Date.now()
    const judgement = spireAdvice(error, { config: this.#config, agentId: this.#agentId() })
    const event = advice === undefined ? judgement : { ...judgement, advice }
    // By the advice: the texts of errors hold times, and would all be different.
    if (this.#told?.advice === event.advice && now - this.#told.at < reminderMs) return
    this.#told = { advice: event.advice, at: now }
    this.#listener.onEvent({ ...event, error: error instanceof Error ? error : new Error(errorText(error)), retryInMs })
  }

  keyMissing(reason: string): void {
    const advice = 'the key of the SVID in use is gone from its device: a new key and SVID are asked for'
    this.tell(new Error(reason), 0, advice)
  }

  keyLeftOver(error: unknown): void {
    this.tell(error, undefined, 'a key of an earlier SVID could not be destroyed in its provider')
  }

  /** Once for each text: a look that finds the same again is no news. */
  warn(text: string): void {
    if (this.#warned.has(text)) return
    if (this.#warned.size >= mostWarnings) this.#warned.clear()
    this.#warned.add(text)
    this.#listener.onWarning?.(text)
  }

  /** Everything works; `updateFollows` says so by itself. */
  over(updateFollows: boolean): void {
    const wasTold = this.#told !== undefined
    this.#told = undefined
    this.#last = undefined
    if (wasTold && !updateFollows) this.#listener.onRecovered?.()
  }
}
