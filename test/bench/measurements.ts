import { setTimeout as sleep } from 'node:timers/promises'
import type { Load } from './load.js'
import { cpuSeconds, residentBytes } from './process-tree.js'

const GiB = 1024 ** 3
const KiB = 1024

/** How much of everything a run does. */
export interface Scale {
  readonly handshakes: number
  readonly bulkBytes: number
  readonly roundtrips: number
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

export interface Measurement {
  readonly name: string
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

const handshakes: Measurement = {
  name: 'handshakes',
  perCallers: true,
  async run({ pid, address, tls, load, scale }, callers) {
    await load.run('handshakes', address, tls, { callers, count: Math.ceil(scale.handshakes / 20) })
    const work = () => load.run('handshakes', address, tls, { callers, count: scale.handshakes })
    const { cpu, result } = await withCpu(pid, work)
    const title = `connection, ${callers} callers`
    return [
      { metric: `${title}: CPU`, unit: 'ms', value: (cpu * 1000) / result.done },
      { metric: `${title}: p50`, unit: 'ms', value: result.p50_us / 1000 },
      { metric: `${title}: p99`, unit: 'ms', value: result.p99_us / 1000 },
    ]
  },
}

/** `towards`: the direction in the tunnel's own terms, into or out of the backend. */
function bulk(mode: 'upload' | 'download', towards: string): Measurement {
  return {
    name: mode,
    perCallers: false,
    async run({ pid, address, tls, load, scale }) {
      const callers = 2
      const flags = { callers, bytes: scale.bulkBytes / callers }
      const { cpu, result } = await withCpu(pid, () => load.run(mode, address, tls, flags))
      const gibibytes = result.bytes / GiB
      return [
        { metric: `GiB ${towards}: CPU`, unit: 's', value: cpu / gibibytes },
        { metric: `GiB ${towards}: time`, unit: 's', value: result.seconds / gibibytes },
      ]
    },
  }
}

const roundtrips: Measurement = {
  name: 'roundtrips',
  perCallers: true,
  async run({ pid, address, tls, load, scale }, callers) {
    const work = () => load.run('roundtrips', address, tls, { callers, count: scale.roundtrips })
    const { cpu, result } = await withCpu(pid, work)
    const title = `round trip of 64 B, ${callers} callers`
    return [
      { metric: `${title}: p50`, unit: 'µs', value: result.p50_us },
      { metric: `${title}: p99`, unit: 'µs', value: result.p99_us },
      { metric: `${title}: CPU`, unit: 'µs', value: (cpu * 1e6) / result.done },
    ]
  },
}

/** Memory grows by whole pages and arenas, so it is read at two numbers of connections and divided by the difference. */
const idle: Measurement = {
  name: 'idle',
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
    return [{ metric: 'resident per idle connection', unit: 'KiB', value: each / KiB }]
  },
}

export const measurements: readonly Measurement[] = [
  handshakes,
  bulk('upload', 'to the backend'),
  bulk('download', 'from the backend'),
  roundtrips,
  idle,
]
