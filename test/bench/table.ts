import type { Reading } from './measurements.js'

/** A reading with where it was taken. */
export interface Sample extends Reading {
  readonly proxy: string
  /** `server, tcp plaintext` and the like: the table's sections. */
  readonly setting: string
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN
  return (lower + upper) / 2
}

export const unique = (values: readonly string[]): readonly string[] => [...new Set(values)]

function medianOf(samples: readonly Sample[], proxy: string, metric: string): number | undefined {
  const values = samples.filter((sample) => sample.proxy === proxy && sample.metric === metric)
  return values.length === 0 ? undefined : median(values.map(({ value }) => value))
}

export function threeDigits(value: number): string {
  if (value === 0) return '0'
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return value.toFixed(Math.min(decimals, 3))
}

/** A peer's cell: its own median, and how much of it the first column needs. */
function cell(value: number | undefined, first: number | undefined, isFirst: boolean): string {
  if (value === undefined) return '–'
  if (isFirst || first === undefined || value === 0) return threeDigits(value)
  return `${threeDigits(value)} (${(first / value).toFixed(2)})`
}

function rows(samples: readonly Sample[], proxies: readonly string[]): readonly (readonly string[])[] {
  return unique(samples.map(({ metric }) => metric)).map((metric) => {
    const unit = samples.find((sample) => sample.metric === metric)?.unit ?? ''
    const medians = proxies.map((proxy) => medianOf(samples, proxy, metric))
    return [`${metric} [${unit}]`, ...medians.map((value, column) => cell(value, medians[0], column === 0))]
  })
}

export function align(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)))
  const padded = lines.map((line) =>
    line.map((text, column) => (column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0))),
  )
  return padded.map((line) => line.join(' | ')).join('\n')
}

/** Medians of the rounds, a section per setting; in brackets the first proxy's share of a peer's value. */
export function formatTable(samples: readonly Sample[], proxies: readonly string[]): string {
  const sections = unique(samples.map(({ setting }) => setting)).map((setting) => {
    const own = samples.filter((sample) => sample.setting === setting)
    const present = proxies.filter((proxy) => own.some((sample) => sample.proxy === proxy))
    return align([[setting, ...present], ...rows(own, present)])
  })
  return sections.join('\n\n')
}
