import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import { type ExitCode, exitCodes } from '../cli/exit-code.js'
import { startBackend } from './backend.js'
import { clientId, demoPaths, type DemoPaths, foreignId, serverId, strangerId, writeDemoFiles } from './demo-files.js'
import { HeldConnection, runLoad } from './load.js'
import { startDemoKeys, type DemoDevice, type DemoProvider } from './keys/demo-keys.js'
import { expectRefusal, fetchSvid, type Refusal } from './refusal.js'
import { Side } from './side.js'
import { SidecarProcess } from './sidecar-process.js'
import { formatSummary, shortcomings } from './summary.js'

export interface DemoOptions {
  /** Leave everything running until SIGINT or SIGTERM. */
  readonly keep: boolean
  /** What the sidecars keep their keys in; undefined: the best the machine has. */
  readonly provider: DemoProvider | undefined
  readonly print: (text: string) => void
}

const requestsPerSecond = 60
const wantedSerials = 6
const readyWithinMs = 15_000
/** An SVID lives 6 s and is renewed at half of it: six serials on each side need about 18 s. */
const loadAtMostMs = 40_000
const lookMs = 100

interface DemoPorts {
  readonly backend: number
  readonly mtls: number
  readonly plain: number
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve())
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/**
 * The main job on one machine, end to end: an authority, two sidecars, a backend, load through six rotations, and two
 * intruders. Everything runs as real processes on loopback and in one temporary folder.
 */
export async function demo(options: DemoOptions): Promise<ExitCode> {
  const startedAt = Date.now()
  const say = (text: string) => options.print(`${((Date.now() - startedAt) / 1000).toFixed(1).padStart(5)}s  ${text}`)
  const folder = await mkdtemp(join(tmpdir(), 'svidecar-demo-'))
  const paths = demoPaths(folder)
  const backend = await startBackend()
  const processes: SidecarProcess[] = []
  let device: DemoDevice | undefined
  try {
    const keys = await startDemoKeys(folder, options.provider)
    device = keys.device
    say(`keys: ${device.description}; ${keys.reason}`)
    const ports = { backend: backend.port, mtls: await freePort(), plain: await freePort() }
    await writeDemoFiles(paths, ports, device)
    const sides = await startProcesses(paths, ports, processes, say)
    const faults = await mainJob({ paths, ports, sides, device }, say, options.print)
    if (options.keep) await keepRunning(paths, ports, options.print)
    for (const fault of faults) options.print(`demo: ${fault}`)
    options.print(faults.length === 0 ? 'demo: ok' : 'demo: FAILED')
    return faults.length === 0 ? exitCodes.success : exitCodes.fault
  } catch (error) {
    options.print(`demo: FAILED: ${error instanceof Error ? error.message : String(error)}`)
    return exitCodes.fault
  } finally {
    await Promise.all(processes.map((one) => one.stop()))
    await device?.close()
    backend.server.closeAllConnections()
    backend.server.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function startProcesses(
  paths: DemoPaths,
  ports: DemoPorts,
  processes: SidecarProcess[],
  say: (text: string) => void,
): Promise<readonly [server: Side, client: Side]> {
  say('authority: starting, SVIDs live 6 s')
  processes.push(new SidecarProcess('authority', ['run', '--config', paths.authorityFile], () => undefined))
  const server = new Side('server sidecar', paths.serverFile, paths.serverAdmin, say)
  const client = new Side('client sidecar', paths.clientFile, paths.clientAdmin, say)
  processes.push(server.process, client.process)
  const patience = AbortSignal.timeout(readyWithinMs)
  await Promise.all([server.ready(patience), client.ready(patience)])
  say(
    `ready: HTTP client > 127.0.0.1:${ports.plain} > mTLS > 127.0.0.1:${ports.mtls} > backend 127.0.0.1:${ports.backend}`,
  )
  return [server, client]
}

interface Stage {
  readonly paths: DemoPaths
  readonly ports: DemoPorts
  readonly sides: readonly Side[]
  readonly device: DemoDevice
}

async function mainJob(
  { paths, ports, sides, device }: Stage,
  say: (text: string) => void,
  print: (text: string) => void,
): Promise<readonly string[]> {
  const enough = new AbortController()
  const held = new HeldConnection(ports.plain)
  say(`load: ${requestsPerSecond} requests a second, each on a new connection, and one stream held open`)
  const loading = runLoad(ports.plain, requestsPerSecond, enough.signal)
  const refusals = await refuseIntruders(paths, ports, say)
  await untilEnoughSerials(sides)
  enough.abort()
  const load = await loading
  await held.end()
  const statuses = await Promise.all(sides.map((side) => side.status()))
  const residencies = statuses.map((status) => status.identities[0]?.svid?.residency ?? 'unknown')
  const result = { load, held, sides, residencies, wantedResidency: device.residency, refusals, wantedSerials }
  print(`\n${formatSummary(result)}\n`)
  return shortcomings(result)
}

async function refuseIntruders(
  paths: DemoPaths,
  ports: DemoPorts,
  say: (text: string) => void,
): Promise<readonly Refusal[]> {
  say(
    `intruders: ${strangerId}, valid but not on the list, and ${foreignId}, of a trust domain nobody here federates with`,
  )
  const stranger = await fetchSvid(paths.authoritySocket, strangerId)
  const foreigner = await fetchSvid(paths.foreignSocket, foreignId)
  return [await expectRefusal(ports.mtls, stranger), await expectRefusal(ports.mtls, foreigner)]
}

async function untilEnoughSerials(sides: readonly Side[]): Promise<void> {
  const deadline = Date.now() + loadAtMostMs
  while (
    sides.some((side) => side.peerSerials.size < wantedSerials || side.svids < wantedSerials) &&
    Date.now() < deadline
  ) {
    const ended = sides.find((side) => !side.process.running)
    if (ended !== undefined) throw new Error(`the ${ended.name} ended: ${ended.process.lastLines.at(-1) ?? 'no log'}`)
    await new Promise((resolve) => setTimeout(resolve, lookMs))
  }
}

/** How this program is called here: by its name when it is installed, by its file from a clone. */
function programName(): string {
  const [, file = ''] = process.argv
  return basename(file) === 'main.js' ? `node ${relative(process.cwd(), file)}` : 'svidecar'
}

async function keepRunning(paths: DemoPaths, ports: DemoPorts, print: (text: string) => void): Promise<void> {
  const program = programName()
  print(
    [
      'everything is left running; look at it from another terminal:',
      `  curl http://127.0.0.1:${ports.plain}/                              (${clientId} to ${serverId})`,
      `  ${program} status --admin unix:${paths.clientAdmin}`,
      `  ${program} status --admin unix:${paths.serverAdmin}`,
      `  ${program} inspect ${paths.authoritySocket}`,
      `  ls ${paths.folder}                                the configuration files`,
      'Ctrl-C ends it.',
    ].join('\n'),
  )
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve())
    process.once('SIGTERM', () => resolve())
  })
}
