import type { SigningKeyType, Provider } from '../../../parsec-core/index.js'
import {
  trustDomainOf,
  type SpiffeId,
  type TrustDomain,
  type X509Bundle,
  type X509BundleSet,
} from '../../../workload-api/index.js'
import type { Address } from '../../config/index.js'
import { AgentKeys, type AgentKey } from './agent-keys.js'
import { verifiedRequest } from './agent-request.js'
import { renewAgent } from './api/methods.js'
import { attestWith } from './attestation/attest.js'
import type { Attestation, Attestor } from './attestation/attestor.js'
import { call } from './channel/calls.js'
import type { ServerConnection } from './channel/server-connection.js'
import { TunnelledConnection } from './channel/tunnelled-connection.js'
import { UnauthenticatedConnection } from './channel/unauthenticated-connection.js'
import { acceptIssued } from './issued-svid.js'
import { fetchServerBundle, type ServerBundle } from './server-bundle.js'
import { SpireError } from './spire-error.js'
import { assertBegun, lossOf, standingOf, type Standing } from './standing.js'
import { digestOfBundle, type AgentRecord, type AgentState } from './state/agent-state.js'
import type { StateDirectory } from './state/state-directory.js'
import { readTrust, type TrustConfig } from './trust/trust-source.js'

export interface SpireAgentOptions {
  readonly identity: string
  readonly server: Address
  readonly trustDomain: TrustDomain
  readonly trust: TrustConfig
  readonly attestor: Attestor
  readonly provider: Provider
  readonly keyType: SigningKeyType
  readonly onWarning: (text: string) => void
  readonly onLeftover: (error: unknown) => void
  /** A renewal of the agent's own SVID failed; the one there is still does. */
  readonly onRenewalFailed: (error: unknown) => void
}

const callDeadlineMs = 15_000
/** A renewal that failed is tried again after this part of what is left. */
const retryFraction = 0.1

/**
 * The agent a sidecar is to its SPIRE server: attests, keeps its SVID and the server's bundle on disk and current, and
 * has the connection on which everything else is asked. All of it within turns at the state directory.
 */
export class SpireAgent {
  readonly #options: SpireAgentOptions
  readonly #keys: AgentKeys
  #state: AgentState | undefined
  #standing: Standing | undefined
  #connection: TunnelledConnection | undefined
  /** Why the server serves this agent no longer; only another attestation mends it. */
  #lost: SpireError | undefined
  #renewNotBefore = 0
  /** The state in memory is newer than that on disk, which could not be written. */
  #unsaved: { readonly attestation: Attestation | undefined } | undefined

  constructor(options: SpireAgentOptions) {
    this.#options = options
    const { provider, identity, keyType, onLeftover } = options
    this.#keys = new AgentKeys({ provider, identity, keyType, onLeftover })
  }

  get id(): SpiffeId | undefined {
    return this.#standing?.id
  }

  /** When it next has something to do of its own; infinite without an SVID. */
  get renewAt(): number {
    return Math.max(this.#standing?.renewAt ?? Number.POSITIVE_INFINITY, this.#renewNotBefore)
  }

  /** Whether its own SVID should be a newer one by now, and is not. */
  get isLate(): boolean {
    return this.#renewNotBefore > 0
  }

  /** Forgets what it remembers of the state: somebody else wrote it. */
  async forget(): Promise<void> {
    await this.close()
    this.#state = undefined
    this.#standing = undefined
    this.#lost = undefined
  }

  /** The server said that this agent's time is over. */
  lose(error: SpireError): void {
    this.#lost = error
  }

  /**
   * The connection of an agent the server knows; attests or renews first where that is due. Throws `SpireError`,
   * `SpiffeError`, `ParsecError`, or the signal's reason when it fires.
   */
  async connect(directory: StateDirectory, signal: AbortSignal): Promise<ServerConnection> {
    await this.#saveAgain(directory)
    const state = await this.#begin(directory, signal)
    this.#standing ??= await this.#stand(state)
    if (this.#standing === undefined || this.#lost !== undefined) await this.#attestAgain(directory, signal)
    else if (Date.now() >= this.renewAt) await this.#renewInTime(this.#standing, directory, signal)
    return this.#open(directory)
  }

  /** The bundle of the own trust domain as the server has it now; persisted before it is used. */
  async refreshBundle(directory: StateDirectory, signal: AbortSignal): Promise<ServerBundle> {
    const connection = await this.#open(directory)
    const bundle = await fetchServerBundle(connection, this.#options.trustDomain, signal)
    await this.#keepBundle(bundle, directory)
    return bundle
  }

  /** The agent has used its SVID: keys of the ones before are of no use any more. */
  async settle(): Promise<void> {
    if (this.#standing !== undefined) await this.#keys.keepOnly([this.#standing.key.name])
  }

  /**
   * The server does not fit the bundle held. Where the operator has put another bundle in place since, that one is begun
   * with. False when there is none.
   */
  async beginWithAnotherBundle(directory: StateDirectory, signal: AbortSignal): Promise<boolean> {
    if (this.#state === undefined || this.#options.trust.kind === 'first-contact') return false
    const bundle = await readTrust(this.#options, signal)
    const begunWith = digestOfBundle(bundle)
    if (begunWith === this.#state.begunWith) return false
    await this.close()
    this.#standing = undefined
    await this.#save({ ...this.#state, bundle, begunWith }, directory)
    return true
  }

  async close(): Promise<void> {
    const connection = this.#connection
    this.#connection = undefined
    await connection?.close()
  }

  async #begin(directory: StateDirectory, signal: AbortSignal): Promise<AgentState> {
    this.#state ??= await directory.load(this.#options.trustDomain)
    if (this.#state !== undefined) return this.#state
    const bundle = await readTrust(this.#options, signal)
    const state = { bundle, begunWith: digestOfBundle(bundle), agent: undefined }
    // Also shows, before a token is spent, that what it buys can be written down.
    await this.#save(state, directory)
    return state
  }

  /** The SVID on disk, when it is still one; undefined when there is none or it cannot be used any more. */
  async #stand({ agent }: AgentState): Promise<Standing | undefined> {
    if (agent === undefined) return undefined
    try {
      return standingOf(agent, await this.#keys.open(agent.keyName), this.#bundles())
    } catch (error) {
      this.#lost = lossOf(error)
      if (this.#lost === undefined) throw error
      return undefined
    }
  }

  /** Attests where that is possible; where it is not, the reason why it is needed is what the operator must know. */
  async #attestAgain(directory: StateDirectory, signal: AbortSignal): Promise<void> {
    const { attestor } = this.#options
    const lost = this.#lost
    let attestation: Attestation
    try {
      attestation = await attestor.begin(signal)
    } catch (error) {
      if (lost === undefined || signal.aborted || attestor.type !== 'join_token') throw error
      // Only what was refused for a reason that may pass is worth another call.
      if (this.#standing !== undefined && lost.code === 'ERR_SPIRE_AGENT_CERTIFICATE_REFUSED') return
      throw lost
    }
    await this.#attest(attestation, directory, signal)
  }

  async #attest(attestation: Attestation, directory: StateDirectory, signal: AbortSignal): Promise<void> {
    const { server, trustDomain, attestor } = this.#options
    const bundle = this.#x509Bundle()
    const connection = new UnauthenticatedConnection(server, { trustDomain, bundle })
    const key = await this.#keys.make().catch(async (error: unknown) => {
      await connection.close()
      throw error
    })
    try {
      // The newest bundle first: what is issued now is judged by it, and a token buys but one answer.
      await this.#keepBundle(await fetchServerBundle(connection, this.#options.trustDomain, signal), directory)
      const csr = await verifiedRequest(key.signer, `spiffe://${trustDomain}/spire/agent/${attestor.type}`)
      const result = await attestWith(connection, attestor.type, attestation, csr, signal)
      const record = this.#accept(result.svid, key, result.reattestable)
      await this.#replace(record, key, attestation, directory)
    } catch (error) {
      if (this.#state?.agent?.keyName !== key.name) await this.#keys.destroy(key.name)
      throw error instanceof Error ? attestation.refused(error) : error
    } finally {
      await connection.close()
    }
  }

  async #renewInTime(standing: Standing, directory: StateDirectory, signal: AbortSignal): Promise<void> {
    try {
      if (standing.record.reattestable)
        await this.#attest(await this.#options.attestor.begin(signal), directory, signal)
      else await this.#renew(directory, signal)
      this.#renewNotBefore = 0
    } catch (error) {
      const left = standing.notAfter.getTime() - Date.now()
      if (left <= 0 || signal.aborted) throw error
      this.#renewNotBefore = Date.now() + left * retryFraction
      this.#options.onRenewalFailed(error)
    }
  }

  /** The SVID before stays good until the first use of the new one, which is on disk by then: a crash costs nothing. */
  async #renew(directory: StateDirectory, signal: AbortSignal): Promise<void> {
    const connection = await this.#open(directory)
    const key = await this.#keys.make()
    try {
      const csr = await verifiedRequest(key.signer, `spiffe://${this.#options.trustDomain}/spire/agent`)
      const { svid } = await call(connection, renewAgent, { params: { csr } }, { signal, deadlineMs: callDeadlineMs })
      await this.#replace(this.#accept(svid, key, false), key, undefined, directory)
    } catch (error) {
      if (this.#state?.agent?.keyName !== key.name) await this.#keys.destroy(key.name)
      throw error
    }
  }

  #accept(svid: Parameters<typeof acceptIssued>[0], key: AgentKey, reattestable: boolean): AgentRecord {
    const { chain, verified } = acceptIssued(svid, { id: undefined, signer: key.signer, bundles: this.#bundles() })
    if (trustDomainOf(verified.id) !== this.#options.trustDomain) {
      throw new SpireError('ERR_SPIRE_RESPONSE_INVALID', "the agent's SVID is of another trust domain")
    }
    return { chain, keyName: key.name, reattestable }
  }

  /** On disk first, then in use, on a connection of its own: gRPC keeps one key for the life of a channel. */
  async #replace(
    record: AgentRecord,
    key: AgentKey,
    attestation: Attestation | undefined,
    directory: StateDirectory,
  ): Promise<void> {
    const standing = standingOf(record, key, this.#bundles())
    if (this.#state === undefined) throw new TypeError('an agent has a bundle before it has an SVID')
    this.#state = { ...this.#state, agent: record }
    this.#unsaved = { attestation }
    await this.close()
    this.#standing = standing
    this.#lost = undefined
    await this.#saveAgain(directory)
  }

  /** What a token bought is not given up because a disk was full: it is used once it could be written. */
  async #saveAgain(directory: StateDirectory): Promise<void> {
    if (this.#unsaved === undefined || this.#state === undefined) return
    await directory.save(this.#state)
    const { attestation } = this.#unsaved
    this.#unsaved = undefined
    await attestation?.kept()
  }

  async #open(directory: StateDirectory): Promise<TunnelledConnection> {
    if (this.#connection !== undefined) return this.#connection
    const { server, trustDomain } = this.#options
    if (this.#standing === undefined) throw new TypeError('an agent attests before it connects')
    assertBegun(this.#standing)
    const { record, key } = this.#standing
    this.#connection = await TunnelledConnection.open({
      server,
      trustDomain,
      bundle: this.#x509Bundle(),
      svid: { chain: record.chain, signer: key.signer },
      socketPath: directory.nextSocketPath(),
    })
    return this.#connection
  }

  async #keepBundle({ bundle, x509 }: ServerBundle, directory: StateDirectory): Promise<void> {
    if (this.#state === undefined || this.#state.bundle.equals(bundle)) return
    await this.#save({ ...this.#state, bundle }, directory)
    this.#connection?.setBundle(x509)
  }

  async #save(state: AgentState, directory: StateDirectory): Promise<void> {
    await directory.save(state)
    this.#state = state
  }

  #x509Bundle(): X509Bundle {
    const bundle = this.#state?.bundle.x509Bundle()
    if (bundle === undefined) throw new SpireError('ERR_SPIRE_STATE', 'the bundle held has no X.509 authority')
    return bundle
  }

  #bundles(): X509BundleSet {
    return new Map([[this.#options.trustDomain, this.#x509Bundle()]])
  }
}
