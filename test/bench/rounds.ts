import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { repositoryRoot } from '../repository-root.js'
import { type Certificates, strangers, type Strangers } from './certificates.js'
import { RunningProxy } from './child-process.js'
import { freeAddress } from './free-address.js'
import { Backend, Load } from './load.js'
import { type Measurement, measurements, type Reading, type Session, sessions, type Subject } from './measurements.js'
import { metrics } from './metrics.js'
import type { BenchOptions, Mode, Plaintext } from './options.js'
import { residentBytes } from './process-tree.js'
import type { Proxy } from './proxies/proxy.js'
import type { Sample } from './table.js'

const MiB = 1024 ** 2

interface Setting {
  readonly mode: Mode
  readonly plaintext: Plaintext
}

export interface Bench {
  readonly options: BenchOptions
  readonly certificates: Certificates
  readonly strangers: Strangers
  readonly folder: string
}

/** The words that head a section of the table. */
export const settingTitle = ({ mode, plaintext }: Setting): string => `${mode}, ${plaintext} plaintext`

async function measure(subject: Subject, chosen: readonly Measurement[], bench: Bench): Promise<readonly Reading[]> {
  const readings: Reading[] = []
  for (const measurement of chosen) {
    for (const callers of measurement.perCallers ? bench.options.callers : [1]) {
      readings.push(...(await measurement.run(subject, callers)))
    }
  }
  return readings
}

/** Starts backend and proxy in an own folder, measures, and stops both. */
async function runSession(
  proxy: Proxy,
  { mode, plaintext }: Setting,
  session: Session,
  chosen: readonly Measurement[],
  bench: Bench,
): Promise<readonly Reading[]> {
  const folder = await mkdtemp(join(bench.folder, `${proxy.name.replaceAll(/[^\w.-]+/g, '-').slice(0, 24)}-`))
  const unixOr = async (name: string): Promise<string> =>
    plaintext === 'unix' ? `unix:${join(folder, name)}` : freeAddress()
  const tls = mode === 'server'
  const { certificates } = bench
  const many = session === 'strangers'
  const ends = many ? { strangers: bench.strangers } : {}
  const { keyExchange = 'X25519' } = proxy
  const load = new Load({ root: repositoryRoot, certificates, keyExchange, ...ends })
  await using backend = await Backend.start(load, tls ? await unixOr('backend') : await freeAddress(), !tls)
  const listen = tls ? await freeAddress() : await unixOr('listen')
  const allowed = many ? strangers : certificates[tls ? 'client' : 'server'].spiffeId
  await using prepared = await proxy.prepare({ mode, listen, target: backend.address, certificates, allowed, folder })
  await using running = await RunningProxy.start(prepared, listen, join(folder, 'log'))
  const atStart: readonly Reading[] = [
    { metric: metrics.startToListening, unit: 'ms', value: running.startMs },
    { metric: metrics.residentAtStart, unit: 'MiB', value: residentBytes(running.pid) / MiB },
  ]
  const subject = { pid: running.pid, address: listen, tls, load, scale: bench.options.scale }
  return [...(session === 'traffic' ? atStart : []), ...(await measure(subject, chosen, bench))]
}

/** Memory and unseen IDs are the same whatever the plaintext side is, and memory hardly differs between rounds. */
function isDue(session: Session, { plaintext }: Setting, round: number, options: BenchOptions): boolean {
  if (session === 'traffic') return true
  return plaintext === options.plaintext[0] && (session !== 'memory' || round <= options.memoryRounds)
}

async function measureProxy(proxy: Proxy, setting: Setting, round: number, bench: Bench): Promise<readonly Reading[]> {
  const wanted = measurements.filter(
    ({ name }) =>
      bench.options.measurements?.includes(name) !== false &&
      (proxy.handshakesOnly !== true || name === 'handshakes' || name === 'strangers'),
  )
  const readings: Reading[] = []
  for (const session of sessions) {
    const chosen = wanted.filter((measurement) => measurement.session === session)
    if (chosen.length === 0 || !isDue(session, setting, round, bench.options)) continue
    readings.push(...(await runSession(proxy, setting, session, chosen, bench)))
  }
  return readings
}

/**
 * Every other round goes through the proxies backwards: what drifts with time hits none of them alone. `onRound` gets all
 * samples so far.
 */
export async function runRounds(
  present: readonly Proxy[],
  bench: Bench,
  onRound: (samples: readonly Sample[]) => Promise<void>,
): Promise<readonly Sample[]> {
  const { modes, plaintext, rounds } = bench.options
  const samples: Sample[] = []
  for (const setting of modes.flatMap((mode) => plaintext.map((side) => ({ mode, plaintext: side })))) {
    for (let round = 1; round <= rounds; round += 1) {
      for (const proxy of round % 2 === 1 ? present : present.toReversed()) {
        console.error(`${settingTitle(setting)}, round ${round} of ${rounds}: ${proxy.name}`)
        const readings = await measureProxy(proxy, setting, round, bench)
        const where = { proxy: proxy.name, setting: settingTitle(setting) }
        samples.push(...readings.map((reading) => ({ ...reading, ...where })))
      }
      await onRound(samples)
    }
  }
  return samples
}
