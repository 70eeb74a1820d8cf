import { once } from 'node:events'
import { connect } from 'node:tls'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { trustDomain } from './certificates.js'
import { LineProcess } from './child-process.js'
import { freeAddress } from './free-address.js'
import { Backend, Load } from './load.js'
import { policyIds } from './policy-ids.js'
import { cpuSeconds } from './process-tree.js'
import { type Certificates } from './certificates.js'
import type { PolicyTunnelOptions } from './scale-policy-tunnel.js'
import type { ScaleRow } from './scale-row.js'
import { ScaleSidecar } from './scale-sidecar.js'
import { StaticAgent } from './static-agent.js'
import { median } from './table.js'

/** Few and many IDs. */
const sizes = [10, 10_000] as const
const rounds = 5
const warmConnections = 2_000
const coldConnections = 1_500
const callers = 8
/** The processor's time is counted in hundredths of a second; within that and noise the two must be alike. */
const likeEachOther = 1.05

const policyTunnel = fileURLToPath(new URL('scale-policy-tunnel.js', import.meta.url))

export interface PolicyBench {
  readonly root: string
  readonly folder: string
  readonly certificates: Certificates
}

interface Measured {
  readonly milliseconds: number
  readonly startMs?: number
}

/** `svidecar run` and one peer: after its first connection the verdict comes from the cache. */
async function warm({ root, folder, certificates }: PolicyBench, ids: number): Promise<Measured> {
  const load = new Load({ root, certificates })
  await using backend = await Backend.start(load, await freeAddress(), false)
  const agentSocket = join(folder, `policy-agent-${ids}.sock`)
  await using _agent = await StaticAgent.start(agentSocket, certificates.ca, certificates.server)
  const listen = await freeAddress()
  const allowed = policyIds(trustDomain, certificates.client.spiffeId, ids).map((id) => `    "${id}",\n`)
  const config = `agent_address = "unix:${agentSocket}"
identity "own" { source = "workload-api" }
tunnel "policy" {
  mode         = "server"
  listen       = "${listen}"
  target       = "${backend.address}"
  key_exchange = ["X25519"]
  allow {
    ids = [\n${allowed.join('')}    ]
  }
}
`
  await using sidecar = await ScaleSidecar.start(folder, `policy-${ids}`, config)
  const startMs = await sidecar.until('tunnel listening', 1)
  await load.run('handshakes', listen, true, { callers, count: warmConnections / 10 })
  const before = cpuSeconds(sidecar.pid)
  await load.run('handshakes', listen, true, { callers, count: warmConnections })
  return { milliseconds: ((cpuSeconds(sidecar.pid) - before) * 1000) / warmConnections, startMs }
}

/** One connection of a peer with a certificate of its own, from Node's TLS: its time is not counted. */
async function connectOnce(port: number, { authority }: Certificates): Promise<void> {
  const { chainPem, keyPem } = authority.issue('/client')
  const socket = connect({ host: '127.0.0.1', port, cert: chainPem, key: keyPem, rejectUnauthorized: false })
  // As the backend's protocol has it: E and eight bytes, then everything comes back.
  socket.once('secureConnect', () => socket.write(`E${'\0'.repeat(8)}cold`))
  const [answer] = await once(socket, 'data')
  if (String(answer) !== 'cold') throw new Error('the backend answered with other bytes')
  socket.end()
  await once(socket, 'close')
}

/** Every connection asks the authorizer: its certificate was never seen. */
async function cold({ root, certificates }: PolicyBench, ids: number): Promise<Measured> {
  const load = new Load({ root, certificates })
  await using backend = await Backend.start(load, await freeAddress(), false)
  const options: PolicyTunnelOptions = {
    ca: certificates.ca,
    trustDomain,
    leaf: certificates.server,
    targetPort: Number(backend.address.split(':')[1]),
    peer: certificates.client.spiffeId,
    ids,
  }
  await using tunnel = new LineProcess(process.execPath, [policyTunnel, JSON.stringify(options)])
  const { listening } = (await tunnel.next()) as { readonly listening: string }
  const port = Number(listening.split(':')[1])
  const run = async (count: number) => {
    let left = count
    const caller = async () => {
      while (left-- > 0) await connectOnce(port, certificates)
    }
    await Promise.all(Array.from({ length: callers }, caller))
  }
  await run(coldConnections / 10)
  const before = cpuSeconds(tunnel.pid)
  await run(coldConnections)
  return { milliseconds: ((cpuSeconds(tunnel.pid) - before) * 1000) / coldConnections }
}

/** Few and many in turns, every other round backwards, so that what drifts hits both alike. */
async function inTurns(measure: (ids: number) => Promise<Measured>): Promise<ReadonlyMap<number, readonly Measured[]>> {
  const measured = new Map<number, Measured[]>(sizes.map((ids) => [ids, []]))
  for (let round = 0; round < rounds; round += 1) {
    for (const ids of round % 2 === 0 ? sizes : sizes.toReversed()) measured.get(ids)?.push(await measure(ids))
  }
  return measured
}

/** A policy of 10,000 IDs against one of 10. */
export async function measurePolicy(bench: PolicyBench): Promise<readonly ScaleRow[]> {
  const warmed = await inTurns((ids) => warm(bench, ids))
  const cooled = await inTurns((ids) => cold(bench, ids))
  const [few, many] = sizes
  const row = (what: string, of: ReadonlyMap<number, readonly Measured[]>, field: keyof Measured) => {
    const medianOf = (ids: number) => median((of.get(ids) ?? []).map((measured) => measured[field] ?? Number.NaN))
    return { what: `policy of 10 and 10,000 IDs: ${what}`, unit: 'ms', small: medianOf(few), large: medianOf(many) }
  }
  const atMost = { ratio: likeEachOther }
  return [
    { ...row('CPU per connection, verdict cached', warmed, 'milliseconds'), atMost },
    { ...row('CPU per connection, verdict asked', cooled, 'milliseconds'), atMost },
    row('from exec to listening', warmed, 'startMs'),
  ]
}
