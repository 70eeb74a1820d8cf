import { metrics } from './metrics.js'
import { type ScaleRow } from './scale-row.js'
import { startUpMetrics } from './start-up-measurement.js'
import { align, median, type Sample, threeDigits, unique } from './table.js'

/** One place where a target was measured. */
export interface Case {
  readonly where: string
  /** What the bound is for: a ratio, or the value itself. */
  readonly value: number
  /** For people: `0.50 against 0.98 ms of ghostunnel`. */
  readonly detail: string
}

/** A promise about speed and how far it is kept. Less is better. */
export interface Target {
  readonly what: string
  /** ` ×` for a ratio, else the value's unit. */
  readonly unit: string
  readonly bound: number
  readonly stretch?: number | undefined
  readonly cases: readonly Case[]
}

interface Ratio {
  readonly mode: 'server' | 'client'
  readonly metrics: readonly string[]
  readonly own?: string
  /** The least of these, reading by reading, is what `own` is compared with. */
  readonly peers: readonly string[]
}

const svidecar = 'svidecar'
const otherProxies = ['ghostunnel', 'haproxy', 'nginx']

function medianOf(samples: readonly Sample[], proxy: string, setting: string, metric: string): number | undefined {
  const values = samples.filter((each) => each.proxy === proxy && each.setting === setting && each.metric === metric)
  return values.length === 0 ? undefined : median(values.map(({ value }) => value))
}

function best(samples: readonly Sample[], peers: readonly string[], setting: string, metric: string) {
  const found = peers.flatMap((peer) => {
    const value = medianOf(samples, peer, setting, metric)
    return value === undefined ? [] : [{ peer, value }]
  })
  return found.toSorted((a, b) => a.value - b.value)[0]
}

function ratios(samples: readonly Sample[], { mode, metrics: names, own = svidecar, peers }: Ratio): readonly Case[] {
  const settings = unique(samples.map(({ setting }) => setting)).filter((setting) => setting.startsWith(mode))
  return settings.flatMap((setting) =>
    names.flatMap((metric): readonly Case[] => {
      const mine = medianOf(samples, own, setting, metric)
      const other = best(samples, peers, setting, metric)
      if (mine === undefined || other === undefined) return []
      const unit = samples.find((sample) => sample.metric === metric)?.unit ?? ''
      const detail = `${threeDigits(mine)} against ${threeDigits(other.value)} ${unit} of ${other.peer}`
      return [{ where: `${setting}, ${metric}`, value: mine / other.value, detail }]
    }),
  )
}

function values(samples: readonly Sample[], metric: string): readonly Case[] {
  const own = samples.filter((sample) => sample.metric === metric && !otherProxies.includes(sample.proxy))
  return unique(own.map(({ setting }) => setting)).map((setting) => {
    const value = median(own.filter((sample) => sample.setting === setting).map((sample) => sample.value))
    return { where: setting, value, detail: '' }
  })
}

function connectionTargets(samples: readonly Sample[], callers: readonly number[]): readonly Target[] {
  const cpu = [false, true].flatMap((unseen) => callers.map((count) => metrics.connection(count, 'CPU', unseen)))
  const against = (mode: 'server' | 'client', peer: string, bound: number, stretch?: number): Target => ({
    what: `CPU per connection, ${mode} mode, to ${peer}`,
    unit: ' ×',
    bound,
    stretch,
    cases: ratios(samples, { mode, metrics: cpu, peers: [peer] }),
  })
  const signer = (mode: 'server' | 'client') =>
    ratios(samples, { mode, metrics: cpu, own: 'svidecar JS signer', peers: [svidecar] })
  return [
    against('server', 'ghostunnel', 0.55, 0.45),
    against('server', 'haproxy', 0.6),
    against('client', 'ghostunnel', 0.6, 0.5),
    {
      what: 'JavaScript-signed to software: CPU per connection',
      unit: ' ×',
      bound: 1.5,
      stretch: 1.3,
      cases: [...signer('server'), ...signer('client')],
    },
  ]
}

function trafficTargets(samples: readonly Sample[], callers: readonly number[]): readonly Target[] {
  const both = (names: readonly string[], peers: readonly string[]): readonly Case[] => [
    ...ratios(samples, { mode: 'server', metrics: names, peers }),
    ...ratios(samples, { mode: 'client', metrics: names, peers }),
  ]
  const roundTrip = (what: 'p50' | 'p99') =>
    both(
      callers.map((count) => metrics.roundTrip(count, what)),
      otherProxies,
    )
  const bulk = (direction: 'to' | 'from'): Target => ({
    what: `CPU per GiB ${direction} the backend, to ghostunnel`,
    unit: ' ×',
    bound: 0.8,
    stretch: 0.6,
    cases: both([metrics.gibibyte(direction, 'CPU')], ['ghostunnel']),
  })
  return [
    bulk('to'),
    bulk('from'),
    { what: 'round trip p50, to the best peer', unit: ' ×', bound: 1, stretch: 0.9, cases: roundTrip('p50') },
    { what: 'round trip p99, to the best peer', unit: ' ×', bound: 1.2, stretch: 1, cases: roundTrip('p99') },
  ]
}

function absoluteTargets(samples: readonly Sample[]): readonly Target[] {
  const target = (what: string, metric: string, unit: string, bound: number, stretch?: number): Target => ({
    what,
    unit: ` ${unit}`,
    bound,
    stretch,
    cases: values(samples, metric),
  })
  return [
    target('resident per idle connection', metrics.residentPerConnection, 'KiB', 8, 4),
    target('resident after the first SVID', startUpMetrics.resident, 'MiB', 80, 65),
    target('from the answer to listening', startUpMetrics.answered, 'ms', 100),
    target('from exec to listening', startUpMetrics.listening, 'ms', 500, 300),
  ]
}

function scaleTargets(rows: readonly ScaleRow[]): readonly Target[] {
  return rows.flatMap(({ what, unit, small, large, atMost }): readonly Target[] => {
    if (atMost === undefined) return []
    const detail = `${threeDigits(large)} against ${threeDigits(small ?? Number.NaN)} ${unit}`
    return 'value' in atMost
      ? [{ what, unit: ` ${unit}`, bound: atMost.value, cases: [{ where: what, value: large, detail: '' }] }]
      : [{ what, unit: ' ×', bound: atMost.ratio, cases: [{ where: what, value: large / (small ?? NaN), detail }] }]
  })
}

/** Every target with the readings that there are for it. With the first of `callers` its first case is measured. */
export function targetsOf(
  samples: readonly Sample[],
  callers: readonly number[],
  scale: readonly ScaleRow[],
): readonly Target[] {
  return [
    ...connectionTargets(samples, callers),
    ...trafficTargets(samples, callers),
    ...absoluteTargets(samples),
    ...scaleTargets(scale),
  ]
}

/** A case that could not be computed counts as missed. */
const missedCases = ({ bound, cases }: Target): readonly Case[] => cases.filter(({ value }) => !(value <= bound))

function verdict(target: Target): string {
  const { cases, stretch } = target
  if (cases.length === 0) return 'not measured'
  const missed = missedCases(target).length
  if (missed > 0) return cases.length === 1 ? 'MISSED' : `MISSED in ${missed} of ${cases.length}`
  return stretch !== undefined && cases.every(({ value }) => value <= stretch) ? 'met, and the stretch' : 'met'
}

function row(target: Target): readonly string[] {
  const { what, unit, bound, stretch, cases } = target
  const numbers = cases.map(({ value }) => value)
  const range = numbers.length > 1 ? `${threeDigits(Math.min(...numbers))}–${threeDigits(Math.max(...numbers))}` : ''
  const first = numbers[0] === undefined ? '–' : `${threeDigits(numbers[0])}${unit}`
  return [what, `≤ ${bound}${unit}`, stretch === undefined ? '' : String(stretch), first, range, verdict(target)]
}

/** A line per target with its first case and the range of all of them, then each case that misses its bound. */
export function formatTargets(targets: readonly Target[]): string {
  const heading = ['Targets', 'bound', 'stretch', 'first case', 'all cases', 'verdict']
  const missed = targets.flatMap((target) =>
    missedCases(target).map(({ where, value, detail }) =>
      `missed (≤ ${target.bound}): ${where}: ${threeDigits(value)}${target.unit} ${detail}`.trimEnd(),
    ),
  )
  return [align([heading, ...targets.map(row)]), ...(missed.length > 0 ? ['', ...missed] : [])].join('\n')
}
