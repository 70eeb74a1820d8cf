// A tunnel whose every signature is made by a JavaScript callback, as with a device, but without a device's own time:
// what is measured is the way to JavaScript and back. Started by the benchmark with one argument, a JSON object.
import { createPrivateKey, sign, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { BundleSet, type Endpoint, Identity, Listener, Tunnel, type TunnelSettings } from '../../native/index.js'
import { connectOptions } from './child-process.js'
import type { Leaf } from './certificates.js'

/** What the benchmark passes on. */
export interface SignerTunnelOptions {
  readonly mode: 'server' | 'client'
  readonly listen: string
  readonly target: string
  readonly ca: string
  readonly trustDomain: string
  readonly leaf: Leaf
  /** The SPIFFE ID that is let in, or one that ends in `/*`. */
  readonly allowed: string
}

function endpoint(address: string): Endpoint {
  const options = connectOptions(address)
  return 'path' in options ? { kind: 'unix', ...options } : { kind: 'tcp', ...options }
}

async function signingIdentity(leaf: Leaf): Promise<Identity> {
  const key = createPrivateKey(await readFile(leaf.key))
  const chain = [new X509Certificate(await readFile(leaf.cert)).raw]
  return Identity.create(chain, {
    schemes: ['ecdsa_secp256r1_sha256'],
    // On libuv's thread pool, as a device's answer would come from elsewhere.
    sign: (_scheme, message) => promisify(sign)('sha256', message, key),
  })
}

function settings({ mode, target }: SignerTunnelOptions): TunnelSettings {
  return {
    mode,
    target: endpoint(target),
    alpn: [],
    serverName: '',
    minTlsVersion: '1.3',
    keyExchange: ['X25519'],
    handshakeTimeoutMs: 10_000,
    connectTimeoutMs: 10_000,
    closeTimeoutMs: 60_000,
    idleTimeoutMs: 0,
    maxConnectionLifetimeMs: 0,
    maxConnections: 10_000,
    maxHandshakes: 1_024,
    keepaliveMs: 60_000,
    closeOnExpiry: false,
  }
}

async function open(options: SignerTunnelOptions): Promise<Tunnel> {
  const authority = new X509Certificate(await readFile(options.ca)).raw
  const fits = options.allowed.endsWith('*')
    ? (peer: string) => peer.startsWith(options.allowed.slice(0, -1))
    : (peer: string) => peer === options.allowed
  const state = {
    settings: settings(options),
    identity: await signingIdentity(options.leaf),
    bundles: BundleSet.create(new Map([[options.trustDomain, [authority]]])),
    authorize: (peer: string) =>
      fits(peer) ? { allowed: true as const } : { allowed: false as const, reason: 'not the expected peer' },
    authorizeReadsChain: false,
  }
  const listener = await Listener.bind('bench', endpoint(options.listen))
  return Tunnel.open(listener, state, () => undefined)
}

const options: SignerTunnelOptions = JSON.parse(process.argv[2] ?? '{}')
const tunnel = await open(options)
process.once('SIGTERM', () => void tunnel.close().then(() => process.exit(0)))
