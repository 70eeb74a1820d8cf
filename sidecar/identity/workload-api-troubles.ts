import type { EndpointAddress, WatchState } from '../../workload-api/index.js'
import { errorText } from '../log/logger.js'
import type { IdentityListener } from './identity-source.js'
import { workloadApiAdvice } from './workload-api-advice.js'

/** The same trouble is told again this often. */
const reminderMs = 30_000

/**
 * What is wrong at the moment, told once and again after a while: either the agent cannot be had or sends what must be
 * discarded, or what it sent last does not do for this identity.
 */
export class WorkloadApiTroubles {
  readonly #address: EndpointAddress
  readonly #listener: IdentityListener
  #agentFails = false
  #unusable: { readonly error: Error; readonly retryInMs: number | undefined } | undefined
  #told: { readonly text: string; readonly at: number } | undefined

  constructor(address: EndpointAddress, listener: IdentityListener) {
    this.#address = address
    this.#listener = listener
  }

  /** The watch's states become troubles and their end. */
  readonly onState = (state: WatchState): void => {
    if (state.kind === 'waiting') this.#agentFailed(state.error, state.retryAt)
    else if (state.kind === 'streaming' && state.fault) this.#agentFailed(state.fault, state.retryAt)
    else if (state.kind === 'streaming') this.#agentAnswers()
    else if (state.kind === 'closed' && state.error) this.#tell(state.error, undefined)
  }

  /** The last context cannot be used; `retryInMs` is undefined when only a new one can mend it. */
  contextUnusable(error: Error, retryInMs: number | undefined): void {
    this.#unusable = { error, retryInMs }
    this.#tell(error, retryInMs)
  }

  /** The last context does for this identity; `isNew`: an update follows, which says so by itself. */
  contextUsed(isNew: boolean): void {
    const wasUnusable = this.#unusable !== undefined
    this.#unusable = undefined
    this.#told = undefined
    if (wasUnusable && !isNew) this.#listener.onRecovered?.()
  }

  keyLeftOver(error: unknown): void {
    this.#listener.onEvent({
      kind: 'failed',
      error: error instanceof Error ? error : new Error(String(error)),
      advice: 'a key of an earlier SVID could not be destroyed in its provider; the next start tries again',
      retryInMs: undefined,
    })
  }

  keyMissing(error: Error): void {
    this.#listener.onEvent({
      kind: 'waiting',
      error,
      advice: 'the key of the SVID in use is gone from its device: the agent is asked for it again',
      retryInMs: 0,
    })
  }

  #agentFailed(error: Error, retryAt: Date | undefined): void {
    this.#agentFails = true
    const retryInMs = retryAt === undefined ? undefined : Math.max(0, retryAt.getTime() - Date.now())
    // The first attempt after a break follows at once and mostly mends it: nothing to wake anybody for.
    if (retryInMs !== 0) this.#tell(error, retryInMs)
  }

  #agentAnswers(): void {
    if (!this.#agentFails) return
    this.#agentFails = false
    this.#told = undefined
    if (this.#unusable === undefined) this.#listener.onRecovered?.()
    else this.#tell(this.#unusable.error, this.#unusable.retryInMs)
  }

  #tell(error: Error, retryInMs: number | undefined): void {
    const now = Date.now()
    const text = errorText(error)
    if (this.#told?.text === text && now - this.#told.at < reminderMs) return
    this.#told = { text, at: now }
    this.#listener.onEvent({ ...workloadApiAdvice(error, this.#address), error, retryInMs })
  }
}
