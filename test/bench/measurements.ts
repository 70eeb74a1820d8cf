import { setTimeout as sleep } from 'node:timers/promises'
import type { Load } from './load.js'
import { type Direction, metrics } from './metrics.js'
import { cpuSeconds, residentBytes } from './process-tree.js'

const GiB = 1024 ** 3
const KiB = 1024

/** How much of everything a run does. */
export interface Scale {
  readonly handshakes: number
  readonly bulkBytes: number
  readonly roundtrips: number
  /** Peers with IDs of their own; more than a tunnel keeps verdicts of, so that none is known when its turn comes again. */
  readonly strangers: number
  /** Connections held at the two readings of memory. */
  readonly idleStages: readonly [number, number]
  readonly idleBytes: number
  readonly idleSeconds: number
}

/** A started proxy and the load it gets. */
export interface Subject {
  readonly pid: number
  /** Where the callers connect. */
  readonly address: string
  /** The callers speak TLS: the proxy is a server. */
  readonly tls: boolean
  readonly load: Load
  readonly scale: Scale
}

/** One number of a measurement; of every one, less is better. */
export interface Reading {
  readonly metric: string
  readonly unit: string
  readonly value: number
}

/**
 * What a proxy is started for; measurements of one session share its process. `traffic`: one peer. `strangers`: every
 * connection comes from another SPIFFE ID. `memory`: nothing before it, since what earlier traffic left behind would be
 * used again or given back between the readings.
 */
export type Session = 'traffic' | 'strangers' | 'memory'
export const sessions: readonly Session[] = ['traffic', 'strangers', 'memory']

export interface Measurement {
  readonly name: string
  readonly session: Session
  /** Numbers of callers it is worth repeating for. */
  readonly perCallers: boolean
  run(subject: Subject, callers: number): Promise<readonly Reading[]>
}

/** Runs `work` and answers the proxy's processor time in it. */
async function withCpu<T>(pid: number, work: () => Promise<T>): Promise<{ readonly cpu: number; readonly result: T }> {
  const before = cpuSeconds(pid)
  const result = await work()
  return { cpu: cpuSeconds(pid) - before, result }
}

/** `unseen`: of peers that the tunnel has no verdict for. */
function handshakes(name: string, session: Session, unseen: boolean): Measurement {
  return {
    name,
    session,
    perCallers: true,
    async run({ pid, address, tls, load, scale }, callers) {
      await load.run('handshakes', address, tls, { callers, count: Math.ceil(scale.handshakes / 20) })
      const work = () => load.run('handshakes', address, tls, { callers, count: scale.handshakes })
      const { cpu, result } = await withCpu(pid, work)
      return [
        { metric: metrics.connection(callers, 'CPU', unseen), unit: 'ms', value: (cpu * 1000) / result.done },
        { metric: metrics.connection(callers, 'p50', unseen), unit: 'ms', value: result.p50_us / 1000 },
        { metric: metrics.connection(callers, 'p99', unseen), unit: 'ms', value: result.p99_us / 1000 },
      ]
    },
  }
}

/** `direction`: in the tunnel's own terms, into or out of the backend. */
function bulk(mode: 'upload' | 'download', direction: Direction): Measurement {
  return {
    name: mode,
    session: 'traffic',
    perCallers: false,
    async run({ pid, address, tls, load, scale }) {
      const callers = 2
      const flags = { callers, bytes: scale.bulkBytes / callers }
      const { cpu, result } = await withCpu(pid, () => load.run(mode, address, tls, flags))
      const gibibytes = result.bytes / GiB
      return [
        { metric: metrics.gibibyte(direction, 'CPU'), unit: 's', value: cpu / gibibytes },
        { metric: metrics.gibibyte(direction, 'time'), unit: 's', value: result.seconds / gibibytes },
      ]
    },
  }
}

const roundtrips: Measurement = {
  name: 'roundtrips',
  session: 'traffic',
  perCallers: true,
  async run({ pid, address, tls, load, scale }, callers) {
    const work = () => load.run('roundtrips', address, tls, { callers, count: scale.roundtrips })
    const { cpu, result } = await withCpu(pid, work)
    return [
      { metric: metrics.roundTrip(callers, 'p50'), unit: 'µs', value: result.p50_us },
      { metric: metrics.roundTrip(callers, 'p99'), unit: 'µs', value: result.p99_us },
      { metric: metrics.roundTrip(callers, 'CPU'), unit: 'µs', value: (cpu * 1e6) / result.done },
    ]
  },
}

/**
 * Memory grows by whole pages and arenas, so it is read at two numbers of connections and divided by the difference. No
 * connection ends before the second reading: each end is a line of log in JavaScript, whose garbage a proxy that runs on
 * Node gives back at a time of its own choosing, tens of MiB at once.
 */
const idle: Measurement = {
  name: 'idle',
  session: 'memory',
  perCallers: false,
  async run({ pid, address, tls, load, scale }) {
    const flags = { stages: scale.idleStages.join(','), bytes: scale.idleBytes }
    await using held = load.hold(address, tls, flags)
    const readings: { readonly connections: number; readonly bytes: number }[] = []
    for (const _stage of scale.idleStages) {
      const connections = await held.stage()
      await sleep(scale.idleSeconds * 1000)
      readings.push({ connections, bytes: residentBytes(pid) })
      held.proceed()
    }
    const [few, many] = readings
    if (few === undefined || many === undefined) throw new Error('memory was not read twice')
    const each = (many.bytes - few.bytes) / (many.connections - few.connections)
    return [{ metric: metrics.residentPerConnection, unit: 'KiB', value: each / KiB }]
  },
}

export const measurements: readonly Measurement[] = [
  handshakes('handshakes', 'traffic', false),
  bulk('upload', 'to'),
  bulk('download', 'from'),
  roundtrips,
  handshakes('strangers', 'strangers', true),
  idle,
]
