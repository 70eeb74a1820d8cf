/** Whether a device answers. While it is lost every operation that needs it fails at once, with the reason. */
export type Availability =
  | { readonly state: 'ready' }
  | {
      readonly state: 'lost'
      readonly since: Date
      /** One line for the operator: what happened and what is being waited for. */
      readonly reason: string
    }

/** Called synchronously at each change; must not throw. */
export type AvailabilityListener = (availability: Availability) => void

export const ready: Availability = { state: 'ready' }

/** The availability of one device: every change goes through here, and only changes are told. */
export class AvailabilityState {
  readonly #listeners = new Set<AvailabilityListener>()
  #current: Availability = ready

  get current(): Availability {
    return this.#current
  }

  /** The device does not answer. A device lost already stays so since its first moment, with the newest reason. */
  lose(reason: string): void {
    const before = this.#current
    if (before.state === 'lost' && before.reason === reason) return
    this.#change({ state: 'lost', since: before.state === 'lost' ? before.since : new Date(), reason })
  }

  /** The device answers (again). */
  recover(): void {
    if (this.#current.state === 'lost') this.#change(ready)
  }

  /** Calls `listener` at every change from now on; returns how to stop that. */
  onChange(listener: AvailabilityListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #change(next: Availability): void {
    this.#current = next
    for (const listener of this.#listeners) listener(next)
  }
}
