/** How long to wait for a source's first value. */
export interface ReadyOptions {
  /** 30,000 by default. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/**
 * Something that gives the newest of a series of values, each the whole state at one moment: the same for material that
 * never changes and for material that rotates. All take one snapshot and use it throughout; two calls may differ.
 */
export interface Source<Value> extends AsyncDisposable {
  /**
   * The newest value.
   *
   * @throws {SpiffeError} `ERR_SOURCE_NOT_READY` before the first, `ERR_SOURCE_CLOSED` after `close`, or why the last one
   *   may not be used any more
   */
  snapshot(): Value

  /**
   * The newest value once there is one.
   *
   * @throws {SpiffeError} `ERR_SOURCE_NOT_READY` at the deadline, with the last fault as its cause; `ERR_SOURCE_CLOSED`;
   *   or what no waiting would mend
   * @throws the signal's reason when it fires
   */
  ready(options?: ReadyOptions): Promise<Value>

  /**
   * The newest value, then each change, for as many readers as like. A slow reader gets the newest only. Ends when the
   * signal fires or the source is closed.
   *
   * @throws {SpiffeError} what no waiting would mend
   */
  updates(options?: { readonly signal?: AbortSignal }): AsyncGenerator<Value, void, undefined>

  /** Ends all iterations and lets go of connections and timers; resolves when that is done. */
  close(): Promise<void>
}
