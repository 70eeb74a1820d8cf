/**
 * What a configuration file says, after every check: addresses parsed, durations in milliseconds, references resolved.
 * Plain data, so that two files can be compared block by block at a reload.
 */

import type { HealthConfig, OutputConfig, ProcessConfig } from './output-model.js'

export type * from './output-model.js'

/** An address to listen on or to dial. `host` is an IP literal or a name; names are resolved at each dial. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

export type TunnelMode = 'client' | 'server'
export type TlsVersion = '1.2' | '1.3'
export type KeyExchange = 'X25519MLKEM768' | 'X25519' | 'secp256r1' | 'secp384r1'
export type KeyType = 'ec-p256' | 'ec-p384' | 'ec-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096'

/** Who may be on the other side: any one match is enough. `any` is `unsafe_allow_any`. */
export type AllowConfig =
  | { readonly any: true }
  | {
      readonly any: false
      readonly ids: readonly string[]
      readonly patterns: readonly string[]
      readonly trustDomains: readonly string[]
    }

/** Owner and permission of a unix listener; `mode` is 0600 when not given. */
export interface UnixListenConfig {
  readonly mode: number
  readonly owner: number | undefined
  readonly group: number | undefined
  /** Peer uids admitted (SO_PEERCRED); undefined admits every uid the file mode lets in. */
  readonly allowUids: readonly number[] | undefined
}

export interface TunnelConfig {
  readonly name: string
  readonly mode: TunnelMode
  readonly listen: Address
  readonly unixListen: UnixListenConfig | undefined
  readonly target: Address
  /** The label of an identity block; always one that exists. */
  readonly identity: string
  readonly allow: AllowConfig
  readonly alpn: readonly string[]
  readonly serverName: string
  readonly minTlsVersion: TlsVersion
  readonly keyExchange: readonly KeyExchange[]
  readonly handshakeTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly closeTimeoutMs: number
  /** 0: off. */
  readonly idleTimeoutMs: number
  /** 0: off. */
  readonly maxConnectionLifetimeMs: number
  readonly maxConnections: number
  readonly maxHandshakes: number
  readonly keepaliveMs: number
  readonly closeOnExpiry: boolean
  readonly unsafePlaintext: boolean
}

interface IdentityBase {
  readonly name: string
  readonly spiffeId: string | undefined
  readonly hint: string | undefined
  /** The label of a key_provider block; undefined: keys of a Software provider in memory. */
  readonly keyProvider: string | undefined
}

export interface WorkloadApiIdentityConfig extends IdentityBase {
  readonly source: 'workload-api'
  /** In the form the file or environment gave; parsed by workload-api. */
  readonly agentAddress: string
}

export interface AuthorityIdentityConfig extends IdentityBase {
  readonly source: 'authority'
  readonly authorityAddress: string
  readonly keyType: KeyType
  readonly keyRotation: 'new' | 'reuse'
}

/** How a sidecar proves to a SPIRE server which agent it is. */
export type AttestationConfig =
  | { readonly type: 'join_token'; readonly tokenFile: string }
  | {
      readonly type: 'x509pop'
      readonly mode: 'external_pki'
      readonly certificatePath: string
      /** In a file, or in the provider of a key_provider block. */
      readonly key: { readonly path: string } | { readonly keyProvider: string; readonly keyName: string }
    }
  | {
      readonly type: 'x509pop'
      readonly mode: 'spiffe'
      readonly agentAddress: string
      readonly spiffeId: string | undefined
    }

export interface SpireServerIdentityConfig extends IdentityBase {
  readonly source: 'spire-server'
  readonly spiffeId: string
  readonly entryId: string | undefined
  readonly serverAddress: Extract<Address, { kind: 'tcp' }>
  readonly trustDomain: string
  /** `first-contact` is `unsafe_bootstrap`. */
  readonly trust:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'url'; readonly url: string }
    | { readonly kind: 'first-contact' }
  readonly attestation: AttestationConfig
  readonly keyType: KeyType
  readonly keyRotation: 'new' | 'reuse'
  /** Between two looks at the server; undefined: by the life of the SVID. */
  readonly pollIntervalMs: number | undefined
  /** The identity's own directory. */
  readonly stateDir: string
}

export type IdentityConfig = WorkloadApiIdentityConfig | AuthorityIdentityConfig | SpireServerIdentityConfig

/** An embedded authority: a block of the file, or the flags of `svidecar authority`. */
export interface AuthorityConfig {
  readonly name: string
  /** Always a unix socket: callers are known by their uid. */
  readonly listen: Extract<Address, { kind: 'unix' }>
  readonly unixListen: UnixListenConfig
  readonly trustDomain: string
  readonly svidTtlMs: number
  readonly caTtlMs: number
  readonly registrationFile: string | undefined
  readonly dataDir: string | undefined
  readonly keyProvider: string | undefined
  readonly keyType: KeyType
}

export interface KeyProviderConfig {
  readonly name: string
  readonly type: string
  /** What the provider's own factory made of its table; opaque here. */
  readonly settings: Readonly<Record<string, unknown>>
}

export interface AdminConfig {
  readonly listen: Extract<Address, { kind: 'unix' }>
  readonly unixListen: UnixListenConfig
}

export interface MetricsConfig {
  readonly listen: Address
  readonly unixListen: UnixListenConfig | undefined
}

export interface Config {
  readonly path: string
  readonly identities: readonly IdentityConfig[]
  readonly tunnels: readonly TunnelConfig[]
  readonly authorities: readonly AuthorityConfig[]
  readonly keyProviders: readonly KeyProviderConfig[]
  readonly admin: AdminConfig | undefined
  readonly metrics: MetricsConfig | undefined
  readonly outputs: readonly OutputConfig[]
  readonly process: ProcessConfig | undefined
  /** How a program of the command line is treated. */
  readonly program: Omit<ProcessConfig, 'command' | 'restart'>
  readonly health: HealthConfig | undefined
  /** Where the own identities are served; peers are this user's unless `allowUids` says otherwise. */
  readonly workloadApi: AdminConfig | undefined
  /** False: obtain and write everything once and end. */
  readonly daemonMode: boolean
  readonly shutdownTimeoutMs: number
  /** Things that are allowed but worth a word: old spellings, several SVIDs without a choice. */
  readonly warnings: readonly { readonly line: number; readonly column: number; readonly message: string }[]
}
