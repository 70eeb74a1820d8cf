/** A tunnel with certificates, a signer and numbers that a test can look at. */
import { sign as signWithKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { BundleSet, Identity, Listener, Tunnel } from '../../../native/index.js'
import type { AuthorizeCallback, ConnectionOutcome, IdentityKey, OutcomeCode } from '../../../native/index.js'
import type { Endpoint, ListenEndpoint, TunnelSettings, TunnelState } from '../../../native/index.js'
import { FakeCa } from '../../fakes/fake-ca.js'

export type Mode = 'client' | 'server'
export const modes: readonly Mode[] = ['server', 'client']

export const ca = FakeCa.create('example.org')
export const ours = ca.issue('/tunnel')
export const welcome = ca.issue('/peer')
export const welcomeId = 'spiffe://example.org/peer'
export const anyPort = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const

/** Far above what anything takes here; a test that waits this long has failed. */
const patienceMs = 15_000
const lookMs = 5

/** Resolves with the first value of `look` that is not undefined. */
export async function until<T>(what: string, look: () => T | undefined): Promise<T> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    const found = look()
    if (found !== undefined) return found
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await delay(lookMs)
  }
}

export async function untilTrue(what: string, look: () => boolean): Promise<void> {
  await until(what, () => look() || undefined)
}

export function loopback(port: number): Endpoint {
  return { kind: 'tcp', host: '127.0.0.1', port }
}

/** A loopback port nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** A temporary folder, gone when it is disposed of. Its name is short, so that socket paths fit. */
export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'sv-'))

  join(name: string): string {
    return join(this.path, name)
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** Signs as `ours` does, without the event loop waiting for it. */
export function signatureBy(key: KeyObject, message: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    signWithKey('sha256', message, key, (error, signature) => (error ? reject(error) : resolve(signature)))
  })
}

/** A key of `ours` that signs in JavaScript. */
export function signerOf(sign: (message: Uint8Array) => Promise<Uint8Array>): IdentityKey {
  return { schemes: ['ecdsa_secp256r1_sha256'], sign: (_scheme, message) => sign(message) }
}

export interface LabOptions {
  readonly mode: Mode
  readonly target: Endpoint
  readonly listen?: ListenEndpoint
  readonly key?: IdentityKey
  readonly authorize?: AuthorizeCallback
  readonly settings?: Partial<TunnelSettings>
}

export function stateOf(options: LabOptions, identity: Identity): TunnelState {
  const settings: TunnelSettings = {
    mode: options.mode,
    target: options.target,
    alpn: [],
    serverName: '',
    minTlsVersion: '1.3',
    keyExchange: ['X25519MLKEM768', 'X25519', 'secp256r1'],
    handshakeTimeoutMs: 10_000,
    connectTimeoutMs: 10_000,
    closeTimeoutMs: 10_000,
    idleTimeoutMs: 0,
    maxConnectionLifetimeMs: 0,
    maxConnections: 10_000,
    maxHandshakes: 1024,
    keepaliveMs: 60_000,
    closeOnExpiry: false,
    ...options.settings,
  }
  const authorize = options.authorize ?? (() => ({ allowed: true }) as const)
  return { settings, identity, bundles: BundleSet.create(ca.bundles), authorize, authorizeReadsChain: false }
}

export class TunnelLab implements AsyncDisposable {
  readonly tunnel: Tunnel
  readonly outcomes: ConnectionOutcome[]
  /** Of a TCP listener. */
  readonly port: number

  private constructor(tunnel: Tunnel, outcomes: ConnectionOutcome[], port: number) {
    this.tunnel = tunnel
    this.outcomes = outcomes
    this.port = port
  }

  static async open(options: LabOptions): Promise<TunnelLab> {
    const identity = await Identity.create(ours.chain, options.key ?? { pkcs8: ours.pkcs8 })
    const listener = await Listener.bind('under test', options.listen ?? anyPort)
    const outcomes: ConnectionOutcome[] = []
    const tunnel = await Tunnel.open(listener, stateOf(options, identity), (ended) => outcomes.push(...ended))
    return new TunnelLab(tunnel, outcomes, Number(listener.address.slice(listener.address.lastIndexOf(':') + 1)))
  }

  /** The audit of so many connections, as soon as they have all ended. */
  async ended(count: number): Promise<readonly ConnectionOutcome[]> {
    await untilTrue(`${count} outcomes`, () => this.outcomes.length >= count)
    return this.outcomes
  }

  /** The only connection's audit. */
  async outcome(): Promise<ConnectionOutcome> {
    const [outcome] = await this.ended(1)
    return outcome!
  }

  counted(outcome: OutcomeCode): number {
    return this.tunnel.stats().outcomes[outcome]
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.tunnel.close()
  }
}
