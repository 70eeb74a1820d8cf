import { lanes, type Ledger } from './ledger.js'
import type { Observed } from './sampler.js'
import { signed } from './svg-plot.js'
import { terminalPlot } from './terminal-plot.js'
import { growthBounds, type Quantity, type Trend } from './trend.js'

export const quantityTitles: Readonly<Record<Quantity, string>> = {
  residentMiB: 'resident memory, MiB',
  descriptors: 'descriptors',
}

const GiB = 1024 ** 3
const MiB = 1024 ** 2

function bytesText(bytes: number): string {
  return bytes >= GiB ? `${(bytes / GiB).toFixed(2)} GiB` : `${(bytes / MiB).toFixed(1)} MiB`
}

export function totalBytes({ counts }: Ledger): string {
  return bytesText(Object.values(counts).reduce((sum, { bytes }) => sum + bytes, 0))
}

/** The line of one minute. */
export function minuteLine(ledger: Ledger, rotations: number, processes: readonly Observed[]): string {
  const { counts } = ledger
  const minute = `${(ledger.seconds / 60).toFixed(0)} min`.padStart(7)
  const memory = processes.map(({ name, samples }) => {
    const last = samples.at(-1)
    return `${name} ${last?.residentMiB.toFixed(0) ?? '–'} MiB, ${last?.descriptors ?? '–'} fd`
  })
  const connections = counts.churn.done + counts['slow signer'].done + counts['passing tunnels'].done
  const flapping = `flapping ${counts['flapping backend'].done} + ${counts['flapping backend'].refused} refused`
  const events = `${rotations} rotations, ${counts.reloads.done} reloads, ${counts['authority restarts'].done} restarts`
  const work = `${connections} connections, ${flapping}, ${totalBytes(ledger)} checked, ${events}`
  return `${minute}  ${work}, ${ledger.failed} failures | ${memory.join(' · ')}`
}

function laneRow(ledger: Ledger, lane: (typeof lanes)[number]): readonly string[] {
  const { done, refused, failed, bytes } = ledger.counts[lane]
  return [lane, String(done), String(refused), String(failed), bytes === 0 ? '' : bytesText(bytes)]
}

function align(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const pad = (text: string, column: number) =>
    column === 0 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0)
  return rows.map((row) => `  ${row.map(pad).join('   ')}`).join('\n')
}

function trendRow({ process, quantity, from, to, perMinute, exceeded }: Trend): readonly string[] {
  const digits = quantity === 'residentMiB' ? 1 : 0
  const range = `${from.toFixed(digits)} → ${to.toFixed(digits)}`
  const bound = `at most ${signed(growthBounds[quantity])}`
  return [`${process}: ${quantityTitles[quantity]}`, range, `${signed(perMinute)}/min`, bound, exceeded ? 'GREW' : 'ok']
}

/** The last page: what was done, what failed, how memory and descriptors went. */
export function summary(ledger: Ledger, processes: readonly Observed[], trends: readonly Trend[]): string {
  const quantities = Object.keys(quantityTitles) as Quantity[]
  const plots = quantities.flatMap((quantity) =>
    processes.map((process) => terminalPlot(process, quantity, quantityTitles[quantity])),
  )
  const failures = ledger.failures.map(
    ({ lane, second, what }) => `  ${second.toFixed(1).padStart(7)} s  ${lane}: ${what}`,
  )
  return [
    align([['', 'done', 'refused as expected', 'failed', 'checked'], ...lanes.map((lane) => laneRow(ledger, lane))]),
    ...(failures.length === 0 ? [] : [`failures, the first ${failures.length}:\n${failures.join('\n')}`]),
    plots.join('\n\n'),
    `second half, by the median slope:\n${align(trends.map(trendRow))}`,
  ].join('\n\n')
}
