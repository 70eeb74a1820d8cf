// A server tunnel whose every signature is made in JavaScript and takes its time, as a device under load does. Started
// by the soak with one argument, a JSON object. It takes its SVIDs from the Workload API like any workload.
import { type KeyObject, randomInt, sign } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { BundleSet, Identity, Listener, Tunnel, type TunnelSettings } from '../../native/index.js'
import { WorkloadApiClient, type X509Context } from '../../workload-api/index.js'

/** What the soak passes on. */
export interface SlowSignerOptions {
  readonly listenPort: number
  readonly targetPort: number
  readonly authoritySocket: string
  readonly id: string
  /** The SPIFFE ID of the only peer that is let in. */
  readonly peer: string
  /** Of one signature, at least and at most. */
  readonly delayMs: readonly [number, number]
}

const options: SlowSignerOptions = JSON.parse(process.argv[2] ?? '{}')

const settings: TunnelSettings = {
  mode: 'server',
  target: { kind: 'tcp', host: '127.0.0.1', port: options.targetPort },
  alpn: [],
  serverName: '',
  minTlsVersion: '1.3',
  keyExchange: ['X25519MLKEM768', 'X25519', 'secp256r1'],
  handshakeTimeoutMs: 20_000,
  connectTimeoutMs: 10_000,
  closeTimeoutMs: 60_000,
  idleTimeoutMs: 0,
  maxConnectionLifetimeMs: 0,
  maxConnections: 10_000,
  maxHandshakes: 1_024,
  keepaliveMs: 60_000,
  closeOnExpiry: false,
}

function say(line: object): void {
  process.stderr.write(`${JSON.stringify(line)}\n`)
}

async function signSlowly(message: Uint8Array, key: KeyObject): Promise<Uint8Array> {
  await sleep(randomInt(...options.delayMs))
  return promisify(sign)('sha256', message, key)
}

async function materialOf({ svids, bundles }: X509Context) {
  const svid = svids.find(({ id }) => id === options.id)
  if (svid === undefined) throw new Error(`the authority did not offer ${options.id}`)
  const identity = await Identity.create(svid.chain, {
    schemes: ['ecdsa_secp256r1_sha256'],
    sign: (_scheme, message) => signSlowly(message, svid.privateKey),
  })
  const authorities = [...bundles].map(([name, bundle]) => [name as string, bundle.x509Authorities] as const)
  return { identity, bundles: BundleSet.create(new Map(authorities)) }
}

async function serve(): Promise<void> {
  const client = new WorkloadApiClient({
    address: `unix:${options.authoritySocket}`,
    backoff: { initialMs: 200, maxMs: 1_000 },
  })
  let tunnel: Tunnel | undefined
  let last: Identity | undefined
  process.once('SIGTERM', () => {
    void (tunnel?.close() ?? Promise.resolve()).then(() => process.exit(0))
  })
  for await (const context of client.watchX509Context()) {
    const { identity, bundles } = await materialOf(context)
    if (tunnel === undefined) {
      const authorize = (peer: string) =>
        peer === options.peer ? { allowed: true as const } : { allowed: false as const, reason: 'not the client' }
      const listener = await Listener.bind('slow signer', { kind: 'tcp', host: '127.0.0.1', port: options.listenPort })
      const state = { settings, identity, bundles, authorize, authorizeReadsChain: false }
      tunnel = await Tunnel.open(listener, state, (outcomes) => {
        for (const { outcome, reason } of outcomes) {
          if (outcome !== 'completed') say({ level: 'error', message: 'connection', outcome, reason })
        }
      })
      say({ level: 'info', message: 'tunnel listening' })
    } else {
      tunnel.update({ identity, bundles })
      say({ level: 'info', message: 'SVID rotated' })
    }
    last?.close()
    last = identity
  }
}

await serve()
