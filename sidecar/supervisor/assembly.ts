import { isDeepStrictEqual } from 'node:util'
import type { Provider } from '../../parsec-core/index.js'
import { AdminServer, type AdminActions } from '../admin/admin-server.js'
import { Authority } from '../authority/index.js'
import {
  type AdminConfig,
  type AuthorityConfig,
  type Config,
  formatAddress,
  type IdentityConfig,
  type KeyProviderConfig,
  type MetricsConfig,
} from '../config/index.js'
import { openIdentitySource } from '../identity/open-identity-source.js'
import { ManagedIdentity } from '../identity/managed-identity.js'
import { memoryProvider, openKeyProvider } from '../keys/open-key-provider.js'
import type { Logger } from '../log/logger.js'
import { MetricsServer, type MetricsSource } from '../metrics/metrics-server.js'
import type { ConnectionAudit } from '../tunnel/connection-audit.js'
import { TunnelRunner } from '../tunnel/tunnel-runner.js'
import { nextParts, type Parts } from './parts.js'
import type { Undo } from './undo.js'
import type { Workload } from './workload.js'
import { noWorkloadParts, type WorkloadParts } from './workload-parts.js'

/** An identity is made anew when its own block or the provider of its keys changed. */
interface IdentityPartConfig {
  readonly identity: IdentityConfig
  readonly keyProvider: KeyProviderConfig | undefined
  /** Of the key it attests with. */
  readonly attestationProvider: KeyProviderConfig | undefined
}

/** Everything that runs for one configuration. */
export interface Assembly {
  readonly config: Config
  readonly providers: Parts<KeyProviderConfig, Provider>
  readonly authorities: Parts<AuthorityConfig, Authority>
  readonly identities: Parts<IdentityPartConfig, ManagedIdentity>
  /** By the address they listen on: whatever else changes, the socket stays. */
  readonly tunnels: ReadonlyMap<string, TunnelRunner>
  readonly admin: Parts<AdminConfig, AdminServer>
  readonly metrics: Parts<MetricsConfig, MetricsServer>
  readonly workload: WorkloadParts
}

/** What the parts need of the process. */
export interface AssemblyContext {
  readonly log: Logger
  readonly audit: ConnectionAudit
  readonly actions: AdminActions
  readonly metrics: MetricsSource
  readonly workload: Workload
  /** How long, in milliseconds, a handshake with an identity may go on after it got a new SVID. */
  readonly handshakeBoundMs: (identity: string) => number
}

/** A new configuration asks for something that only a restart can do. */
export class RestartNeededError extends Error {
  override readonly name = 'RestartNeededError'
}

export function emptyAssembly(config: Config): Assembly {
  const none = new Map<string, never>()
  return {
    config,
    providers: none,
    authorities: none,
    identities: none,
    tunnels: none,
    admin: none,
    metrics: none,
    workload: noWorkloadParts,
  }
}

function byName<T extends { readonly name: string }>(blocks: readonly T[]): ReadonlyMap<string, T> {
  return new Map(blocks.map((block) => [block.name, block]))
}

function single<T>(block: T | undefined): ReadonlyMap<string, T> {
  return new Map(block === undefined ? [] : [['', block]])
}

function providerOf(providers: Assembly['providers'], name: string | undefined): Provider {
  const part = providers.get(name ?? memoryProvider.name)
  if (part === undefined) throw new TypeError(`no key provider "${name}"`)
  return part.value
}

/** Its socket and its CA are one: there is no moment at which one authority could replace another unseen. */
function assertAuthoritiesUnchanged(running: Assembly['authorities'], wanted: readonly AuthorityConfig[]): void {
  for (const config of wanted) {
    const old = running.get(config.name)
    if (old !== undefined && JSON.stringify(old.config) !== JSON.stringify(config)) {
      throw new RestartNeededError(
        `authority "${config.name}": only its registration file can change without a restart`,
      )
    }
  }
}

/** The new provider would find the key store of the old one locked, with handshakes under way that need its keys. */
function assertKeyStoresUnchanged(running: Assembly['providers'], wanted: readonly KeyProviderConfig[]): void {
  for (const config of wanted) {
    const old = running.get(config.name)
    if (old === undefined || isDeepStrictEqual(old.config, config)) continue
    const store = config.settings['key_store_dir']
    if (store === undefined || store !== old.config.settings['key_store_dir']) continue
    throw new RestartNeededError(
      `key_provider "${config.name}": only a restart can change it and keep its key_store_dir`,
    )
  }
}

async function startIdentity(
  { identity: config, keyProvider }: IdentityPartConfig,
  providers: Assembly['providers'],
  context: AssemblyContext,
): Promise<ManagedIdentity> {
  const identity = new ManagedIdentity(config, context.log)
  identity.start(
    openIdentitySource(config, {
      provider: providerOf(providers, keyProvider?.name),
      providerNamed: (label) => providerOf(providers, label),
      handshakeBoundMs: () => context.handshakeBoundMs(config.name),
      onEvent: identity.onEvent,
      onRecovered: identity.onRecovered,
      onWarning: identity.onWarning,
    }),
  )
  return identity
}

async function nextTunnels(
  config: Config,
  running: Assembly['tunnels'],
  identities: Assembly['identities'],
  context: AssemblyContext,
  undo: Undo,
): Promise<Assembly['tunnels']> {
  const next = new Map<string, TunnelRunner>()
  for (const tunnel of config.tunnels) {
    const address = formatAddress(tunnel.listen)
    const old = running.get(address)
    if (old !== undefined) {
      next.set(address, old)
      continue
    }
    const runner = await TunnelRunner.bind(tunnel, identityOf(identities, tunnel.identity), context)
    undo.add(() => runner.drain(0))
    next.set(address, runner)
  }
  return next
}

function providerConfig(config: Config, name: string | undefined): KeyProviderConfig | undefined {
  return config.keyProviders.find((provider) => provider.name === name)
}

function attestationProviderOf(identity: IdentityConfig): string | undefined {
  if (identity.source !== 'spire-server' || identity.attestation.type !== 'x509pop') return undefined
  const { attestation } = identity
  return attestation.mode === 'external_pki' && 'keyProvider' in attestation.key
    ? attestation.key.keyProvider
    : undefined
}

export function identityOf(identities: Assembly['identities'], name: string): ManagedIdentity {
  const part = identities.get(name)
  if (part === undefined) throw new TypeError(`no identity "${name}"`)
  return part.value
}

/**
 * Makes what `config` wants beside what runs; parts that are unchanged are shared. Running tunnels are not touched yet,
 * new ones hold their address without listening. Whatever was made is in `undo`.
 */
export async function assemble(
  config: Config,
  running: Assembly,
  context: AssemblyContext,
  undo: Undo,
): Promise<Assembly> {
  const { log } = context
  assertAuthoritiesUnchanged(running.authorities, config.authorities)
  assertKeyStoresUnchanged(running.providers, config.keyProviders)
  const wantedProviders = byName([memoryProvider, ...config.keyProviders])
  const openKeys = (provider: KeyProviderConfig) => openKeyProvider(provider, log)
  const providers = await nextParts(wantedProviders, running.providers, openKeys, undo)
  const openAuthority = (authority: AuthorityConfig) =>
    Authority.open(authority, {
      provider: providerOf(providers, authority.keyProvider),
      log: log.with({ authority: authority.name }),
    })
  const authorities = await nextParts(byName(config.authorities), running.authorities, openAuthority, undo)
  const wantedIdentities = new Map(
    config.identities.map((identity) => [
      identity.name,
      {
        identity,
        keyProvider: providerConfig(config, identity.keyProvider),
        attestationProvider: providerConfig(config, attestationProviderOf(identity)),
      },
    ]),
  )
  const identities = await nextParts(
    wantedIdentities,
    running.identities,
    (part) => startIdentity(part, providers, context),
    undo,
  )
  const tunnels = await nextTunnels(config, running.tunnels, identities, context, undo)
  const workload = await context.workload.prepare(config, identities, undo)
  const openAdmin = (admin: AdminConfig) => AdminServer.open(admin, context.actions)
  const admin = await nextParts(single(config.admin), running.admin, openAdmin, undo)
  const openMetrics = (metrics: MetricsConfig) => MetricsServer.open(metrics, context.metrics)
  const metrics = await nextParts(single(config.metrics), running.metrics, openMetrics, undo)
  return { config, providers, authorities, identities, tunnels, admin, metrics, workload }
}
