import { isDeepStrictEqual } from 'node:util'
import {
  type AuthorizeCallback,
  type ConnectionOutcome,
  Listener,
  Tunnel,
  type TunnelStats,
} from '../../native/index.js'
import { authorizeAllow } from '../authorizers/index.js'
import type { TunnelStatus } from '../admin/status.js'
import { formatAddress, type TunnelConfig } from '../config/index.js'
import type { ManagedIdentity, UsableIdentity } from '../identity/managed-identity.js'
import { errorText, type Logger } from '../log/logger.js'
import type { SpiffeId } from '../../workload-api/index.js'
import type { ConnectionAudit } from './connection-audit.js'
import { ListenError } from './listen-error.js'
import { listenEndpoint, tunnelSettings } from './tunnel-settings.js'

/** Bound: the address is taken and nothing listens, because there is no identity yet. */
type State =
  | { readonly kind: 'bound'; readonly listener: Listener }
  | { readonly kind: 'open'; readonly tunnel: Tunnel; readonly address: string }
  | { readonly kind: 'draining'; readonly tunnel: Tunnel; readonly address: string }
  | { readonly kind: 'closed' }

function authorizeCallback(config: TunnelConfig): AuthorizeCallback {
  const authorize = authorizeAllow(config.allow)
  // The data plane parsed the ID by the standard's rules before it asks.
  return (peer, chain) => authorize(peer as SpiffeId, chain)
}

/** One tunnel of the configuration over its life: bound, open, changed under traffic, drained. */
export class TunnelRunner {
  readonly #log: Logger
  readonly #audit: ConnectionAudit
  #config: TunnelConfig
  #identity: ManagedIdentity
  #state: State
  #stopFollowing: () => void = () => undefined
  #problem: string | undefined

  private constructor(
    config: TunnelConfig,
    identity: ManagedIdentity,
    listener: Listener,
    log: Logger,
    audit: ConnectionAudit,
  ) {
    this.#config = config
    this.#identity = identity
    this.#state = { kind: 'bound', listener }
    this.#log = log
    this.#audit = audit
  }

  /** Takes the address without listening on it; throws `ListenError` when it cannot be had. */
  static async bind(
    config: TunnelConfig,
    identity: ManagedIdentity,
    dependencies: { log: Logger; audit: ConnectionAudit },
  ): Promise<TunnelRunner> {
    const listener = await Listener.bind(config.name, listenEndpoint(config)).catch((error: unknown) => {
      throw new ListenError(config, error)
    })
    return new TunnelRunner(config, identity, listener, dependencies.log, dependencies.audit)
  }

  get config(): TunnelConfig {
    return this.#config
  }

  /** Whether a reload leaves this tunnel as it is. */
  isConfiguredAs(config: TunnelConfig, identity: ManagedIdentity): boolean {
    return this.#identity === identity && isDeepStrictEqual(this.#config, config)
  }

  /** Listens as soon as the identity is usable. Throws when it cannot listen, or when the signal fires first. */
  async open(signal: AbortSignal): Promise<void> {
    const current = await this.#usableIdentity(signal)
    if (this.#state.kind !== 'bound') return
    const { listener } = this.#state
    const audit = (outcomes: readonly ConnectionOutcome[]) => {
      const { name: tunnel, identity } = this.#config
      this.#audit.record({ tunnel, identity, residency: this.#identity.residency }, outcomes)
    }
    const state = { ...this.#policyOf(this.#config), ...current }
    const tunnel = await Tunnel.open(listener, state, audit).catch((error: unknown) => {
      throw new ListenError(this.#config, error)
    })
    this.#state = { kind: 'open', tunnel, address: listener.address }
    this.#followIdentity()
    // The identity, or the configuration, may have moved on while the tunnel opened.
    if (this.#identity.current !== current) this.reconfigure(this.#config, this.#identity)
    this.#log.info('tunnel listening', this.#fields())
  }

  /** Changes everything but the address, at once and under traffic; live connections are judged again. */
  reconfigure(config: TunnelConfig, identity: ManagedIdentity): void {
    const { current } = identity
    if (this.#state.kind === 'open') {
      this.#state.tunnel.update({ ...this.#policyOf(config), ...current })
      if (config.unixListen !== undefined) {
        const { mode, owner, group, allowUids } = config.unixListen
        this.#state.tunnel.setListenOptions({ mode, uid: owner, gid: group, allowUids })
      }
    }
    this.#config = config
    this.#identity = identity
    if (this.#state.kind === 'open') {
      this.#followIdentity()
      this.#log.info('tunnel changed', this.#fields())
    }
  }

  /** Stops accepting, lets connections end for `timeoutMs`, then cuts the rest. */
  async drain(timeoutMs: number): Promise<void> {
    this.#stopFollowing()
    const state = this.#state
    if (state.kind === 'bound') await state.listener.close()
    if (state.kind === 'open') {
      this.#state = { ...state, kind: 'draining' }
      const { drained, cut } = await state.tunnel.drain(timeoutMs)
      await state.tunnel.close()
      this.#log.info('tunnel closed', { tunnel: this.#config.name, drained, cut })
    }
    this.#state = { kind: 'closed' }
  }

  status(): TunnelStatus {
    const config = this.#config
    const stats = this.stats()
    return {
      name: config.name,
      mode: config.mode,
      listen: 'address' in this.#state ? this.#state.address : formatAddress(config.listen),
      target: formatAddress(config.target),
      identity: config.identity,
      state: this.#statusState(),
      problem: this.#problem,
      generation: stats?.generation ?? 0,
      active: stats?.active ?? 0,
      handshaking: stats?.handshaking ?? 0,
      accepted: stats?.accepted ?? 0,
      bytesFromPeer: stats?.bytesFromPeer ?? 0,
      bytesToPeer: stats?.bytesToPeer ?? 0,
      outcomes: Object.fromEntries(Object.entries(stats?.outcomes ?? {}).filter(([, count]) => count > 0)),
      auditLost: stats?.auditLost ?? 0,
    }
  }

  /** The data plane's own counters; undefined while nothing listens. */
  stats(): TunnelStats | undefined {
    return 'tunnel' in this.#state ? this.#state.tunnel.stats() : undefined
  }

  async #usableIdentity(signal: AbortSignal): Promise<UsableIdentity> {
    for (;;) {
      const identity = this.#identity
      try {
        await identity.ready(signal)
      } catch (error) {
        // A reload gave the tunnel another identity and ended the one waited for.
        if (identity !== this.#identity && !signal.aborted) continue
        throw error
      }
      const { current } = this.#identity
      if (current !== undefined) return current
    }
  }

  #statusState(): TunnelStatus['state'] {
    switch (this.#state.kind) {
      case 'bound':
        return 'waiting'
      case 'open':
        return this.#identity.state() === 'valid' ? 'listening' : 'no_valid_svid'
      case 'draining':
      case 'closed':
        return 'draining'
    }
  }

  #policyOf(config: TunnelConfig) {
    return { settings: tunnelSettings(config), authorize: authorizeCallback(config), authorizeReadsChain: false }
  }

  #followIdentity(): void {
    this.#stopFollowing()
    this.#stopFollowing = this.#identity.onChange((current) => this.#present(current))
  }

  #present(current: UsableIdentity): void {
    if (this.#state.kind !== 'open') return
    try {
      this.#state.tunnel.update({ identity: current.identity, bundles: current.bundles })
      this.#problem = undefined
    } catch (error) {
      this.#problem = errorText(error)
      this.#log.error('the tunnel keeps its last SVID', { tunnel: this.#config.name, error: errorText(error) })
    }
  }

  #fields() {
    const { name, mode, identity } = this.#config
    const listen = 'address' in this.#state ? this.#state.address : formatAddress(this.#config.listen)
    return { tunnel: name, mode, listen, target: formatAddress(this.#config.target), identity }
  }
}
