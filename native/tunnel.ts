import type { BindingAuthorize, BindingSettings, BindingTunnel } from './binding.js'
import { crossing, crossingAsync } from './errors.js'
import { BundleSet, Identity } from './identity.js'
import { bindingEndpoint, bindingUnixOptions, type Endpoint, Listener, type ListenOptions } from './listener.js'
import { addon } from './loader.js'
import { type ConnectionOutcome, type OutcomeCode, parseOutcomes } from './outcome.js'

export type KeyExchange = 'X25519MLKEM768' | 'X25519' | 'secp256r1' | 'secp384r1'

/**
 * Decides on a peer whose chain was verified. Asked once for each SPIFFE ID (for each chain, if it reads chains) until
 * bundles or authorizer change. A throw, a value of another shape or no answer within the handshake is a refusal.
 */
export type AuthorizeCallback = (
  peer: string,
  chain: readonly Uint8Array[],
) => { allowed: true } | { allowed: false; reason: string }

/** How a tunnel works. Durations of 0 are off for the idle time, the lifetime and keepalive. */
export interface TunnelSettings {
  /** `client`: plaintext in, mutual TLS out. `server`: mutual TLS in, plaintext out. */
  readonly mode: 'client' | 'server'
  readonly target: Endpoint
  readonly alpn: readonly string[]
  /** Sent as SNI in client mode, `''` for none; it takes no part in verification. */
  readonly serverName: string
  readonly minTlsVersion: '1.2' | '1.3'
  /** In order of preference. */
  readonly keyExchange: readonly KeyExchange[]
  readonly handshakeTimeoutMs: number
  readonly connectTimeoutMs: number
  /** From the last byte after the first half was closed. */
  readonly closeTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly maxConnectionLifetimeMs: number
  readonly maxConnections: number
  /** When as many are unfinished, the oldest gives way. */
  readonly maxHandshakes: number
  readonly keepaliveMs: number
  readonly closeOnExpiry: boolean
}

/** What a tunnel works with, swapped whole. */
export interface TunnelState {
  readonly settings: TunnelSettings
  readonly identity: Identity
  readonly bundles: BundleSet
  readonly authorize: AuthorizeCallback
  /** Whether `authorize` looks at its second argument, which is empty otherwise. */
  readonly authorizeReadsChain: boolean
}

/** Numbers since the tunnel was opened. */
export interface TunnelStats {
  readonly generation: number
  readonly listening: boolean
  /** Established connections. */
  readonly active: number
  readonly handshaking: number
  readonly accepted: number
  readonly outcomes: Readonly<Record<OutcomeCode, number>>
  readonly bytesFromPeer: number
  readonly bytesToPeer: number
  readonly verdictsCached: number
  /** Outcomes that did not reach `onOutcomes`. */
  readonly auditLost: number
  /** Pauses of 100 ms because the process had no descriptor left. */
  readonly pausedAccepts: number
  /** Upper bounds in seconds; `counts` has one more element, none cumulative; `sum` in seconds. */
  readonly handshakeSeconds: {
    readonly buckets: readonly number[]
    readonly counts: readonly number[]
    readonly sum: number
  }
}

/** One live connection. */
export interface ConnectionInfo {
  readonly time: Date
  readonly generation: number
  readonly remote: string
  readonly peer?: string
  readonly serialNumber?: string
  /** A client is `pending` until the first byte or orderly end from its peer, who may still refuse it. */
  readonly state: 'handshaking' | 'pending' | 'established'
  readonly bytesFromPeer: number
  readonly bytesToPeer: number
}

function bindingSettings(settings: TunnelSettings): BindingSettings {
  const { target, alpn, keyExchange, ...rest } = settings
  return { ...rest, target: bindingEndpoint(target), alpn: [...alpn], keyExchange: [...keyExchange] }
}

/** The compiler refuses an `async` authorizer; what still gets here with another shape is refused by throwing. */
function bindingAuthorize(authorize: AuthorizeCallback): BindingAuthorize {
  return (peer, chain) => {
    const verdict: unknown = authorize(peer, chain)
    if (typeof verdict !== 'object' || verdict === null || !('allowed' in verdict)) {
      throw new TypeError('the authorizer gave no verdict')
    }
    if (verdict.allowed === true) return true
    if (verdict.allowed !== false || !('reason' in verdict) || typeof verdict.reason !== 'string') {
      throw new TypeError('the authorizer gave no verdict')
    }
    return verdict.reason
  }
}

/** A tunnel that serves. It keeps the process alive, and only `close` ends it. */
export class Tunnel implements AsyncDisposable {
  readonly #binding: BindingTunnel
  #authorize: AuthorizeCallback
  #readsChain: boolean
  #closing: Promise<void> | undefined

  private constructor(binding: BindingTunnel, state: TunnelState) {
    this.#binding = binding
    this.#authorize = state.authorize
    this.#readsChain = state.authorizeReadsChain
  }

  /**
   * Begins to listen and to serve; takes the listener over. `onOutcomes` gets ended connections in batches, one batch at
   * a time; what it cannot keep up with is counted in `auditLost`.
   *
   * @throws {NativeError} `ERR_ADDRESS_IN_USE`, `ERR_SOCKET_IN_USE`, `ERR_INVALID_ARGUMENT`, `ERR_CLOSED`
   */
  static async open(
    listener: Listener,
    state: TunnelState,
    onOutcomes: (outcomes: ConnectionOutcome[]) => void,
  ): Promise<Tunnel> {
    const binding = await crossingAsync(() => {
      const first = addon().createState(
        bindingSettings(state.settings),
        Identity.bindingOf(state.identity),
        BundleSet.bindingOf(state.bundles),
        bindingAuthorize(state.authorize),
        state.authorizeReadsChain,
      )
      return addon().openTunnel(Listener.bindingOf(listener), first, (batch) => onOutcomes(parseOutcomes(batch)))
    })
    return new Tunnel(binding, state)
  }

  /**
   * Swaps what is given, whole and at once; returns the new generation. When bundles or authorizer changed, live
   * connections are judged again, and those that would not be let in now are reset.
   *
   * @throws {NativeError} `ERR_INVALID_ARGUMENT`; nothing has changed then
   */
  update(state: Partial<TunnelState>): number {
    const { settings, identity, bundles } = state
    const readsChain = state.authorizeReadsChain ?? this.#readsChain
    const authorize = state.authorize ?? this.#authorize
    const judgesAnew = state.authorize !== undefined || readsChain !== this.#readsChain
    const generation = crossing(() =>
      this.#binding.update(
        settings === undefined ? undefined : bindingSettings(settings),
        identity === undefined ? undefined : Identity.bindingOf(identity),
        bundles === undefined ? undefined : BundleSet.bindingOf(bundles),
        judgesAnew ? bindingAuthorize(authorize) : undefined,
        readsChain,
      ),
    )
    this.#authorize = authorize
    this.#readsChain = readsChain
    return generation
  }

  /** Changes who may connect to a unix listener. @throws {NativeError} `ERR_PERMISSION`, `ERR_IO` */
  setListenOptions(options: ListenOptions): void {
    crossing(() => this.#binding.setListenOptions(bindingUnixOptions(options)))
  }

  stats(): TunnelStats {
    return this.#binding.stats()
  }

  /** Live connections, oldest first. */
  connections(limit: number): ConnectionInfo[] {
    return this.#binding.connections(limit).map((connection) => ({
      ...connection,
      time: new Date(connection.time),
      state: connection.state as ConnectionInfo['state'],
    }))
  }

  /** Stops accepting, lets connections end for `timeoutMs`, cuts the rest. Says how many ended and how many were cut. */
  async drain(timeoutMs: number): Promise<{ drained: number; cut: number }> {
    const [drained = 0, cut = 0] = await crossingAsync(() => this.#binding.drain(timeoutMs))
    return { drained, cut }
  }

  /** Stops accepting, cuts every connection and delivers the last outcomes. May be called again. */
  close(): Promise<void> {
    this.#closing ??= crossingAsync(() => this.#binding.close())
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
