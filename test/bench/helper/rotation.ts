import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Certificates } from '../certificates.js'
import { freeAddress } from '../free-address.js'
import { Backend, Load } from '../load.js'
import { threadsMs } from '../process-tree.js'
import type { ScaleRow } from '../scale-row.js'
import { ScaleSidecar } from '../scale-sidecar.js'
import { median } from '../table.js'
import { FilesAgent, filesId } from './files-agent.js'

export interface RotationEffort {
  /** Where the files go. */
  readonly place: 'memory' | 'disk'
  /** The directory that is that place. */
  readonly directory: string
  readonly outputs: number
  readonly rotations: number
}

/** Of one stretch of round trips, in which one rotation lies when it is a busy one. */
const stretchSeconds = 4
/** What two stretches of the same quiet load differ by on a small machine. */
const unmoved = 1.25
const cpuTargetSeconds = 1

/** What a rotation of many outputs costs, and what it does to the round trips of a tunnel of the same process. */
export async function measureOutputRotation(
  root: string,
  folder: string,
  certificates: Certificates,
  { outputs, rotations, place, directory }: RotationEffort,
): Promise<readonly ScaleRow[]> {
  const load = new Load({ root, certificates })
  await using backend = await Backend.start(load, await freeAddress(), false)
  await using agent = await FilesAgent.start(join(folder, 'agent.sock'), certificates)
  const listen = await freeAddress()
  const config = await configuration({ folder, directory, outputs }, certificates, listen, backend.address)
  await using sidecar = await ScaleSidecar.start(folder, 'outputs', config)
  const firstMs = await sidecar.until('files written', outputs)
  await sidecar.until('tunnel listening', 1)
  const stretch = async () => load.run('roundtrips', listen, true, { callers: 1, seconds: stretchSeconds })
  const [quiet, busy, cpuSeconds, wallSeconds]: number[][] = [[], [], [], []]
  for (let rotation = 1; rotation <= rotations; rotation += 1) {
    const cpuAtQuiet = threadsMs(sidecar.pid)
    quiet?.push((await stretch()).p99_us / 1000)
    // What the round trips alone cost the sidecar, per second.
    const loadCpu = (threadsMs(sidecar.pid) - cpuAtQuiet) / 1000 / stretchSeconds
    const running = stretch()
    await sleep((stretchSeconds * 1000) / 4)
    const [cpuBefore, begun] = [threadsMs(sidecar.pid), performance.now()]
    agent.rotate()
    await sidecar.until('files written', outputs * (rotation + 1))
    const took = (performance.now() - begun) / 1000
    wallSeconds?.push(took)
    cpuSeconds?.push((threadsMs(sidecar.pid) - cpuBefore) / 1000 - loadCpu * took)
    busy?.push((await running).p99_us / 1000)
  }
  const of = (values: number[] | undefined) => median(values ?? [])
  return [
    { what: `start to ${outputs} outputs written, ${place}`, unit: 's', small: undefined, large: firstMs / 1000 },
    {
      what: `rotation of ${outputs} outputs, ${place}: CPU beside the tunnel's load`,
      unit: 's',
      small: undefined,
      large: of(cpuSeconds),
      // On a disk most of it is the kernel's work for fsync, a thousand directories and three thousand files of it.
      ...(place === 'memory' && { atMost: { value: cpuTargetSeconds } }),
    },
    { what: `rotation of ${outputs} outputs, ${place}: time`, unit: 's', small: undefined, large: of(wallSeconds) },
    {
      what: `round trip of 64 B, ${place}: p99`,
      unit: 'ms',
      small: of(quiet),
      large: of(busy),
      atMost: { ratio: unmoved },
    },
  ]
}

async function configuration(
  { folder, directory, outputs }: { folder: string; directory: string; outputs: number },
  { server, client }: Certificates,
  listen: string,
  target: string,
): Promise<string> {
  const blocks: string[] = []
  for (let index = 0; index < outputs; index += 1) {
    const own = join(directory, `o${index}`)
    await mkdir(own)
    const names = 'svid_file_name = "a" svid_key_file_name = "b" svid_bundle_file_name = "c"'
    blocks.push(`output "o${index}" { identity = "files" dir = "${own}" ${names} }`)
  }
  return `agent_address = "unix:${join(folder, 'agent.sock')}"
identity "files"  { spiffe_id = "${filesId}" }
identity "tunnel" { spiffe_id = "${server.spiffeId}" }
tunnel "t" {
  mode     = "server"
  listen   = "${listen}"
  target   = "${target}"
  identity = "tunnel"
  allow { ids = ["${client.spiffeId}"] }
}
${blocks.join('\n')}
`
}
