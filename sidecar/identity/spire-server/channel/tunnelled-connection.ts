import { Client, credentials } from '@grpc/grpc-js'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  BundleSet,
  Identity,
  Listener,
  Tunnel,
  type ConnectionOutcome,
  type OutcomeCode,
  type TunnelSettings,
} from '../../../../native/index.js'
import type { Signer } from '../../../../parsec-core/index.js'
import type { TrustDomain, X509Bundle } from '../../../../workload-api/index.js'
import { formatAddress, type Address } from '../../../config/index.js'
import { dataPlaneKey } from '../../data-plane-key.js'
import { SpireError, type SpireErrorCode } from '../spire-error.js'
import { channelOptions, serverIdOf, type ServerConnection } from './server-connection.js'

/** An SVID of an agent with its key. */
export interface AgentSvid {
  /** DER, leaf first, with every intermediate: behind an upstream authority the server refuses the leaf alone. */
  readonly chain: readonly Uint8Array[]
  readonly signer: Signer
}

export interface TunnelledConnectionOptions {
  readonly server: Address
  readonly trustDomain: TrustDomain
  readonly bundle: X509Bundle
  readonly svid: AgentSvid
  /** A path for the plaintext socket, in a directory nobody else can enter. */
  readonly socketPath: string
}

/** What became of a connection, where it says why a call had no answer. */
const faults: Readonly<Partial<Record<OutcomeCode, SpireErrorCode>>> = {
  target_unreachable: 'ERR_SPIRE_SERVER_UNREACHABLE',
  target_timeout: 'ERR_SPIRE_SERVER_UNREACHABLE',
  handshake_timeout: 'ERR_SPIRE_SERVER_SILENT',
  untrusted: 'ERR_SPIRE_SERVER_UNTRUSTED',
  expired: 'ERR_SPIRE_SERVER_EXPIRED',
  denied: 'ERR_SPIRE_SERVER_OTHER_ID',
  x509_svid_invalid: 'ERR_SPIRE_SERVER_TLS',
  not_tls: 'ERR_SPIRE_SERVER_TLS',
  tls_version: 'ERR_SPIRE_SERVER_TLS',
  handshake_failed: 'ERR_SPIRE_SERVER_TLS',
  refused_by_peer: 'ERR_SPIRE_AGENT_CERTIFICATE_REFUSED',
  signer_failed: 'ERR_SPIRE_AGENT_SIGNER',
  no_valid_svid: 'ERR_SPIRE_AGENT_EXPIRED',
}

/** The data plane hands outcomes over in batches, a moment after the connection it is about. */
const outcomePatienceMs = 250
const outcomeLookMs = 10
const keptOutcomes = 16

/**
 * gRPC in plaintext over a private socket into a tunnel of the data plane, which does the mutual TLS with the agent's
 * key, wherever that key is: Node's own TLS could not sign with a device. The tunnel admits this process alone.
 */
export class TunnelledConnection implements ServerConnection {
  readonly client: Client
  readonly #tunnel: Tunnel
  readonly #outcomes: ConnectionOutcome[]

  private constructor(client: Client, tunnel: Tunnel, outcomes: ConnectionOutcome[]) {
    this.client = client
    this.#tunnel = tunnel
    this.#outcomes = outcomes
  }

  /** Throws `NativeError`. The server is dialled by the first call. */
  static async open(options: TunnelledConnectionOptions): Promise<TunnelledConnection> {
    const { server, trustDomain, bundle, svid, socketPath } = options
    const key = dataPlaneKey(svid.signer)
    const identity = await Identity.create(svid.chain, key).finally(() => 'pkcs8' in key && key.pkcs8.fill(0))
    const listener = await Listener.bind('spire-server', { kind: 'unix', path: socketPath, ownProcess: true })
    const outcomes: ConnectionOutcome[] = []
    const serverId: string = serverIdOf(trustDomain)
    const state = {
      settings: settingsFor(server),
      identity,
      bundles: bundleSetOf(bundle),
      authorize: (peer: string) =>
        peer === serverId
          ? ({ allowed: true } as const)
          : ({ allowed: false, reason: 'it is not the server' } as const),
      authorizeReadsChain: false,
    }
    try {
      const tunnel = await Tunnel.open(listener, state, (ended) => {
        outcomes.push(...ended)
        outcomes.splice(0, outcomes.length - keptOutcomes)
      })
      const client = new Client(
        `unix:${socketPath}`,
        credentials.createInsecure(),
        channelOptions(formatAddress(server)),
      )
      return new TunnelledConnection(client, tunnel, outcomes)
    } catch (error) {
      await listener.close()
      throw error
    } finally {
      // The tunnel holds its own reference.
      identity.close()
    }
  }

  /** Live connections are judged again by the new bundle. */
  setBundle(bundle: X509Bundle): void {
    this.#tunnel.update({ bundles: bundleSetOf(bundle) })
  }

  async fault(since: Date): Promise<SpireError | undefined> {
    for (let waited = 0; waited <= outcomePatienceMs; waited += outcomeLookMs) {
      const outcome = this.#outcomes.findLast(({ time, outcome: code }) => time >= since && faults[code] !== undefined)
      const code = outcome && faults[outcome.outcome]
      if (code !== undefined)
        return new SpireError(code, `the connection ended "${outcome?.outcome}": ${outcome?.reason}`)
      await sleep(outcomeLookMs)
    }
    return undefined
  }

  async close(): Promise<void> {
    this.client.close()
    await this.#tunnel.close()
  }
}

function bundleSetOf(bundle: X509Bundle): BundleSet {
  return BundleSet.create(new Map([[bundle.trustDomain as string, bundle.x509Authorities]]))
}

function settingsFor(server: Address): TunnelSettings {
  return {
    mode: 'client',
    target: server,
    alpn: ['h2'],
    serverName: '',
    minTlsVersion: '1.3',
    keyExchange: ['X25519MLKEM768', 'X25519', 'secp256r1'],
    handshakeTimeoutMs: 10_000,
    connectTimeoutMs: 10_000,
    closeTimeoutMs: 5000,
    idleTimeoutMs: 0,
    maxConnectionLifetimeMs: 0,
    maxConnections: 16,
    maxHandshakes: 16,
    keepaliveMs: 60_000,
    closeOnExpiry: true,
  }
}
