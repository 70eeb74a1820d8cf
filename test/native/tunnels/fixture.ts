/** Tunnels of the data plane between programs that are not ours: Node's `tls` and `net`. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, connect as netConnect, type NetConnectOpts, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { connect as tlsConnect, type ConnectionOptions, type TLSSocket } from 'node:tls'

import { BundleSet, Identity, Listener, Tunnel } from '../../../native/index.js'
import type {
  AuthorizeCallback,
  ConnectionOutcome,
  Endpoint,
  IdentityKey,
  ListenEndpoint,
  TunnelSettings,
  TunnelState,
} from '../../../native/index.js'
import { FakeCa, type Issued } from '../../fakes/fake-ca.js'

export const trustDomain = 'example.org'
export const loopback: ListenEndpoint = { kind: 'tcp', host: '127.0.0.1', port: 0 }

export const settings: TunnelSettings = {
  mode: 'server',
  target: { kind: 'tcp', host: '127.0.0.1', port: 9 },
  alpn: [],
  serverName: '',
  minTlsVersion: '1.3',
  keyExchange: ['X25519', 'secp256r1'],
  handshakeTimeoutMs: 10_000,
  connectTimeoutMs: 10_000,
  closeTimeoutMs: 60_000,
  idleTimeoutMs: 0,
  maxConnectionLifetimeMs: 0,
  maxConnections: 10_000,
  maxHandshakes: 1024,
  keepaliveMs: 60_000,
  closeOnExpiry: false,
}

export const allowAll: AuthorizeCallback = () => ({ allowed: true })

/** One authority and what it issued, made once for a file of tests: keys cost time. */
export interface Cast {
  readonly ca: FakeCa
  readonly server: Issued
  readonly client: Issued
}

export function makeCast(): Cast {
  const ca = FakeCa.create(trustDomain)
  return { ca, server: ca.issue('/server'), client: ca.issue('/client') }
}

export interface OpenOptions {
  readonly listen?: ListenEndpoint
  readonly settings?: Partial<TunnelSettings>
  readonly chain?: readonly Uint8Array[]
  readonly key?: IdentityKey
  readonly bundles?: ReadonlyMap<string, readonly Uint8Array[]>
  readonly authorize?: AuthorizeCallback
  readonly authorizeReadsChain?: boolean
}

/** A tunnel, its port or path, and the outcomes it reported. */
export interface Opened {
  readonly tunnel: Tunnel
  readonly port: number
  readonly address: string
  readonly outcomes: ConnectionOutcome[]
  /** The next outcome, in order, as soon as it is reported. */
  readonly outcome: () => Promise<ConnectionOutcome>
}

export async function stateOf(cast: Cast, target: Endpoint, options: OpenOptions = {}): Promise<TunnelState> {
  const merged = { ...settings, target, ...options.settings }
  const own = merged.mode === 'server' ? cast.server : cast.client
  const key = options.key ?? { pkcs8: own.pkcs8 }
  return {
    settings: merged,
    identity: await Identity.create(options.chain ?? own.chain, key),
    bundles: BundleSet.create(options.bundles ?? cast.ca.bundles),
    authorize: options.authorize ?? allowAll,
    authorizeReadsChain: options.authorizeReadsChain ?? false,
  }
}

export async function openTunnel(
  t: TestContext,
  cast: Cast,
  target: Endpoint,
  options: OpenOptions = {},
): Promise<Opened> {
  const state = await stateOf(cast, target, options)
  const listener = await Listener.bind('test', options.listen ?? loopback)
  const outcomes: ConnectionOutcome[] = []
  const waiting: (() => void)[] = []
  let taken = 0
  const tunnel = await Tunnel.open(listener, state, (batch) => {
    outcomes.push(...batch)
    for (const wake of waiting.splice(0)) wake()
  })
  t.after(() => tunnel.close())
  const outcome = async (): Promise<ConnectionOutcome> => {
    const index = taken++
    while (outcomes.length <= index) await new Promise<void>((resolve) => waiting.push(resolve))
    return outcomes[index]!
  }
  const port = Number(listener.address.slice(listener.address.lastIndexOf(':') + 1))
  return { tunnel, port, address: listener.address, outcomes, outcome }
}

/** A server for the plaintext side; its sockets are destroyed at the end of the test. */
export async function backend(
  t: TestContext,
  serve: (socket: Socket) => void,
  path?: string,
): Promise<{ server: Server; endpoint: Endpoint; connections: () => number }> {
  let connections = 0
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    serve(socket)
  })
  server.listen(path === undefined ? { host: '127.0.0.1', port: 0 } : { path })
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const address = server.address()
  const endpoint: Endpoint =
    typeof address === 'object' && address !== null
      ? { kind: 'tcp', host: '127.0.0.1', port: address.port }
      : { kind: 'unix', path: path! }
  return { server, endpoint, connections: () => connections }
}

export const echo = (socket: Socket): void => {
  socket.pipe(socket)
}

/** Node as a client with a certificate. Errors are kept for `closed`. */
export function tlsClient(t: TestContext, port: number, own: Issued, options: ConnectionOptions = {}): TLSSocket {
  const socket = tlsConnect({
    host: '127.0.0.1',
    port,
    cert: own.chainPem,
    key: own.keyPem,
    rejectUnauthorized: false,
    allowHalfOpen: true,
    ...options,
  } as ConnectionOptions)
  socket.on('error', () => undefined)
  t.after(() => socket.destroy())
  return socket
}

export function plainClient(t: TestContext, options: NetConnectOpts): Socket {
  const socket = netConnect({ allowHalfOpen: true, ...options })
  socket.on('error', () => undefined)
  t.after(() => socket.destroy())
  return socket
}

/** Everything until the end of the stream, or the error that ended it. */
export async function readAll(socket: Socket): Promise<{ bytes: Buffer; error?: NodeJS.ErrnoException }> {
  const chunks: Buffer[] = []
  return new Promise((resolve) => {
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.once('end', () => resolve({ bytes: Buffer.concat(chunks) }))
    socket.once('error', (error) => resolve({ bytes: Buffer.concat(chunks), error }))
    socket.once('close', () => resolve({ bytes: Buffer.concat(chunks) }))
  })
}

export async function readSome(socket: Socket): Promise<Buffer> {
  const [chunk] = (await once(socket, 'data')) as [Buffer]
  return chunk
}

/** Compares the fields that are named, and no others. */
export function assertHas<T extends object>(actual: T, expected: Partial<T>): void {
  const named = Object.fromEntries(Object.keys(expected).map((key) => [key, actual[key as keyof T]]))
  assert.deepEqual(named, expected)
}

/** A folder for sockets, removed at the end of the test. */
export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'svidecar-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Looks again until `holds`; a test that waits in vain is ended by its own time limit. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}
