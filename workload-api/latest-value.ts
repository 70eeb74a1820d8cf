/**
 * Hands the newest of a series of values to one reader. A value that was not read when the next comes is dropped: each
 * is the whole state, so an older one must not be acted on, and a slow reader costs no more than one value.
 */
export class LatestValue<Value> {
  #held: { readonly value: Value } | undefined
  #end: { readonly error: Error | undefined } | undefined
  #wake: (() => void) | undefined

  put(value: Value): void {
    this.#held = { value }
    this.#wake?.()
  }

  /** Drops a value that was not read yet. */
  clear(): void {
    this.#held = undefined
  }

  /** Ends the reading, with an error unless it is undefined. A value not read yet is dropped. */
  end(error?: Error): void {
    this.#end ??= { error }
    this.#wake?.()
  }

  async *read(): AsyncGenerator<Value, void, undefined> {
    for (;;) {
      if (this.#end) {
        if (this.#end.error !== undefined) throw this.#end.error
        return
      }
      if (this.#held) {
        const { value } = this.#held
        this.#held = undefined
        yield value
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    }
  }
}
