// A tunnel with the product's own policy over many IDs, asked for every certificate anew. Started by the benchmark with
// one argument, a JSON object; says `{"listening":"ADDRESS"}` and ends when its standard input does.
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { BundleSet, Identity, Listener, Tunnel, type TunnelSettings } from '../../native/index.js'
import { authorizeAllow } from '../../sidecar/authorizers/index.js'
import type { SpiffeId } from '../../workload-api/index.js'
import type { Leaf } from './certificates.js'
import { policyIds } from './policy-ids.js'

/** What the benchmark passes on. */
export interface PolicyTunnelOptions {
  readonly ca: string
  readonly trustDomain: string
  readonly leaf: Leaf
  readonly targetPort: number
  /** The peer, which stands last among so many IDs. */
  readonly peer: string
  readonly ids: number
}

const options: PolicyTunnelOptions = JSON.parse(process.argv[2] ?? '{}')

const settings: TunnelSettings = {
  mode: 'server',
  target: { kind: 'tcp', host: '127.0.0.1', port: options.targetPort },
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

async function open(): Promise<string> {
  const { ca, trustDomain, leaf, peer, ids } = options
  const read = async (path: string) => readFile(path, 'utf8')
  const authorize = authorizeAllow({
    ids: policyIds(trustDomain, peer, ids),
    patterns: [],
    trustDomains: [],
    any: false,
  })
  const identity = await Identity.create([new X509Certificate(await read(leaf.cert)).raw], {
    pkcs8: createPrivateKey(await read(leaf.key)).export({ type: 'pkcs8', format: 'der' }),
  })
  const bundles = BundleSet.create(new Map([[trustDomain, [new X509Certificate(await read(ca)).raw]]]))
  const listener = await Listener.bind('policy', { kind: 'tcp', host: '127.0.0.1', port: 0 })
  const state = {
    settings,
    identity,
    bundles,
    authorize: (id: string, chain: readonly Uint8Array[]) => authorize(id as SpiffeId, chain),
    // By the chain: each certificate is a verdict of its own, so that none is in the cache.
    authorizeReadsChain: true,
  }
  await Tunnel.open(listener, state, (outcomes) => {
    for (const { outcome, reason } of outcomes) if (outcome !== 'completed') console.error(`${outcome}: ${reason}`)
  })
  return listener.address
}

console.log(JSON.stringify({ listening: await open() }))
process.stdin.resume().once('end', () => process.exit(0))
