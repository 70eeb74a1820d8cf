import { setImmediate } from 'node:timers/promises'

import { BundleSet, Identity, Listener, Tunnel } from '../../../native/index.js'
import type { ConnectionOutcome, Endpoint, OutcomeCode, TunnelSettings } from '../../../native/index.js'
import { bundles, ours } from './bad-certificates.js'

function settings(mode: 'client' | 'server', target: Endpoint): TunnelSettings {
  return {
    mode,
    target,
    alpn: [],
    serverName: '',
    minTlsVersion: '1.3',
    keyExchange: ['X25519MLKEM768', 'X25519', 'secp256r1'],
    handshakeTimeoutMs: 10_000,
    connectTimeoutMs: 10_000,
    closeTimeoutMs: 10_000,
    idleTimeoutMs: 0,
    maxConnectionLifetimeMs: 0,
    maxConnections: 100,
    maxHandshakes: 100,
    keepaliveMs: 60_000,
    closeOnExpiry: false,
  }
}

/**
 * A tunnel on loopback that would let every verified peer pass: whoever is refused is refused for its certificate
 * or its handshake.
 */
export class TunnelUnderTest implements AsyncDisposable {
  readonly port: number
  readonly #tunnel: Tunnel
  readonly #identity: Identity
  readonly #outcomes: ConnectionOutcome[]

  private constructor(port: number, tunnel: Tunnel, identity: Identity, outcomes: ConnectionOutcome[]) {
    this.port = port
    this.#tunnel = tunnel
    this.#identity = identity
    this.#outcomes = outcomes
  }

  static async open(mode: 'client' | 'server', target: Endpoint): Promise<TunnelUnderTest> {
    const identity = await Identity.create(ours.chain, { pkcs8: ours.pkcs8 })
    const listener = await Listener.bind('under test', { kind: 'tcp', host: '127.0.0.1', port: 0 })
    const outcomes: ConnectionOutcome[] = []
    const state = {
      settings: settings(mode, target),
      identity,
      bundles: BundleSet.create(bundles),
      authorize: () => ({ allowed: true }) as const,
      authorizeReadsChain: false,
    }
    const tunnel = await Tunnel.open(listener, state, (ended) => outcomes.push(...ended))
    const port = Number(listener.address.slice(listener.address.lastIndexOf(':') + 1))
    return new TunnelUnderTest(port, tunnel, identity, outcomes)
  }

  /** The audit of the oldest connection that was not asked for yet; waits for it. */
  async nextOutcome(): Promise<ConnectionOutcome> {
    for (;;) {
      const outcome = this.#outcomes.shift()
      if (outcome) return outcome
      await setImmediate()
    }
  }

  /** How many connections have been counted with that outcome. */
  counted(outcome: OutcomeCode): number {
    return this.#tunnel.stats().outcomes[outcome]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tunnel.close()
    this.#identity.close()
  }
}
