import type { OutcomeCode } from './outcome.js'

/**
 * The addon's exports, as it is given them. Nothing outside of this folder sees these types.
 * A test compares the names with those the addon has.
 */
export interface BindingEndpoint {
  readonly host?: string
  readonly port?: number
  readonly path?: string
}

export interface BindingUnixOptions {
  readonly mode: number
  readonly uid?: number
  readonly gid?: number
  readonly allowUids?: number[]
  readonly ownProcess?: boolean
}

export interface BindingBundle {
  readonly trustDomain: string
  readonly authorities: Uint8Array[]
}

export interface BindingVerifiedSvid {
  readonly spiffeId: string
  readonly serialNumber: string
  readonly notBefore: number
  readonly notAfter: number
}

export interface BindingSettings {
  readonly mode: 'client' | 'server'
  readonly target: BindingEndpoint
  readonly alpn: string[]
  readonly serverName: string
  readonly minTlsVersion: string
  readonly keyExchange: string[]
  readonly handshakeTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly closeTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly maxConnectionLifetimeMs: number
  readonly maxConnections: number
  readonly maxHandshakes: number
  readonly keepaliveMs: number
  readonly closeOnExpiry: boolean
}

export interface BindingStats {
  readonly generation: number
  readonly listening: boolean
  readonly active: number
  readonly handshaking: number
  readonly accepted: number
  readonly outcomes: Record<OutcomeCode, number>
  readonly bytesFromPeer: number
  readonly bytesToPeer: number
  readonly verdictsCached: number
  readonly auditLost: number
  readonly pausedAccepts: number
  readonly handshakeSeconds: { readonly buckets: number[]; readonly counts: number[]; readonly sum: number }
}

export interface BindingConnection {
  readonly time: number
  readonly generation: number
  readonly remote: string
  readonly peer?: string
  readonly serialNumber?: string
  readonly state: string
  readonly bytesFromPeer: number
  readonly bytesToPeer: number
}

export interface BindingIdentity {
  readonly spiffeId: string
  readonly serialNumber: string
  readonly notBefore: number
  readonly notAfter: number
}

export interface BindingBundleSet {
  readonly trustDomains: string[]
}

export interface BindingListener {
  readonly address: string
  close(): void
}

/** A first snapshot on its way into a tunnel. */
export type BindingState = object & { readonly binding?: 'state' }

export type BindingAuthorize = (peer: string, chain: Uint8Array[]) => true | string
/** Gets a question; must not throw. */
export type BindingAsk = (question: number, scheme: string, message: Uint8Array) => void

export interface BindingAnswers {
  sign(question: number, signature: Uint8Array): void
  fail(question: number, reason: string): void
}

export interface BindingTunnel {
  update(
    settings: BindingSettings | undefined,
    identity: BindingIdentity | undefined,
    bundles: BindingBundleSet | undefined,
    authorize: BindingAuthorize | undefined,
    readsChain: boolean,
  ): number
  setListenOptions(options: BindingUnixOptions): void
  stats(): BindingStats
  connections(limit: number): BindingConnection[]
  drain(timeoutMs: number): Promise<number[]>
  close(): Promise<void>
}

export interface BindingFileLock {
  release(): void
}

export interface Binding {
  version(): string
  peerCredentials(descriptor: number): { uid: number; gid: number; pid: number } | null
  nofileLimit(): { soft: number; hard: number }
  disableCoreFiles(): void
  lockFile(path: string): BindingFileLock | null
  signHash(algorithm: string, pkcs8: Uint8Array, hash: Uint8Array): Promise<Uint8Array>
  verifyHash(algorithm: string, publicKey: Uint8Array, hash: Uint8Array, signature: Uint8Array): boolean
  verifyX509Svid(
    chain: Uint8Array[],
    bundles: BindingBundle[],
    usage: 'any' | 'client' | 'server',
    time: number,
  ): BindingVerifiedSvid
  readX509Svid(certificate: Uint8Array): BindingVerifiedSvid
  provePkcs8(chain: Uint8Array[], pkcs8: Uint8Array): Promise<BindingIdentity>
  BindingAnswers: new () => BindingAnswers
  proveSigner(
    chain: Uint8Array[],
    schemes: string[],
    ask: BindingAsk,
    answers: BindingAnswers,
    timeoutMs: number,
  ): Promise<BindingIdentity>
  createBundleSet(bundles: BindingBundle[]): BindingBundleSet
  bindListener(endpoint: BindingEndpoint, options: BindingUnixOptions | undefined): Promise<BindingListener>
  createState(
    settings: BindingSettings,
    identity: BindingIdentity,
    bundles: BindingBundleSet,
    authorize: BindingAuthorize,
    readsChain: boolean,
  ): BindingState
  openTunnel(
    listener: BindingListener,
    state: BindingState,
    /** A batch: an array of outcomes as JSON. */
    outcomes: (batch: string) => void,
  ): Promise<BindingTunnel>
}
