import { join } from 'node:path'
import { StaticAgent } from './static-agent.js'
import type { Certificates } from './certificates.js'
import { residentBytes } from './process-tree.js'
import type { ScaleRow } from './scale-row.js'
import { ScaleSidecar } from './scale-sidecar.js'

const many = 1_000
const MiB = 1024 ** 2
const KiB = 1024
const upWithinSeconds = 5

/** Unix sockets: a thousand TCP ports are not reliably free. Every other tunnel is a client. */
function tunnelBlock(folder: string, index: number, peer: string): string {
  const [listen, target] = [`unix:${join(folder, `l${index}`)}`, `unix:${join(folder, `t${index}`)}`]
  const mode = index % 2 === 0 ? 'server' : 'client'
  return `tunnel "t${index}" { mode = "${mode}" listen = "${listen}" target = "${target}" allow { ids = ["${peer}"] } }\n`
}

async function startWith(count: number, folder: string, certificates: Certificates) {
  const agentSocket = join(folder, `agent-${count}.sock`)
  await using _agent = await StaticAgent.start(agentSocket, certificates.ca, certificates.server)
  const blocks = Array.from({ length: count }, (_, index) => tunnelBlock(folder, index, certificates.client.spiffeId))
  const config = `agent_address = "unix:${agentSocket}"\nidentity "own" { source = "workload-api" }\n${blocks.join('')}`
  await using sidecar = await ScaleSidecar.start(folder, `tunnels-${count}`, config)
  const milliseconds = await sidecar.until('tunnel listening', count)
  return { seconds: milliseconds / 1000, resident: residentBytes(sidecar.pid) }
}

/** A thousand tunnels in one process against one. */
export async function measureTunnels(folder: string, certificates: Certificates): Promise<readonly ScaleRow[]> {
  const one = await startWith(1, folder, certificates)
  const all = await startWith(many, folder, certificates)
  const each = (all.resident - one.resident) / (many - 1)
  return [
    {
      what: 'tunnels, 1 and 1,000: from exec to all listening',
      unit: 's',
      small: one.seconds,
      large: all.seconds,
      atMost: { value: upWithinSeconds },
    },
    { what: 'tunnels, 1 and 1,000: resident', unit: 'MiB', small: one.resident / MiB, large: all.resident / MiB },
    { what: 'resident per further tunnel', unit: 'KiB', small: undefined, large: each / KiB },
  ]
}
