import type { Observed, Sample } from './sampler.js'

export const quantities = ['residentMiB', 'descriptors'] as const
export type Quantity = (typeof quantities)[number]

/**
 * What may be added in the second half, by its slope: what garbage collection and a few connections more or less make
 * of it. The longer the soak, the smaller the leak that is found: in 20 minutes 0.8 MiB a minute.
 */
export const growthBounds: Readonly<Record<Quantity, number>> = { residentMiB: 8, descriptors: 8 }

/** A straight line through the second half of a process's samples. */
export interface Trend {
  readonly process: string
  readonly quantity: Quantity
  readonly fromSecond: number
  readonly toSecond: number
  /** Of the line, at its two ends. */
  readonly from: number
  readonly to: number
  readonly perMinute: number
  /** Whether it rose by more than its bound. */
  readonly exceeded: boolean
}

/** Pairs grow with the square of the number of points; more points than this do not change the answer. */
const mostPoints = 500

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

function thinned<T>(values: readonly T[]): readonly T[] {
  const step = Math.ceil(values.length / mostPoints)
  return values.filter((_, index) => index % step === 0)
}

/** Theil and Sen's estimate, the median of all slopes between two points: single peaks do not move it. */
export function medianSlope(points: readonly { readonly x: number; readonly y: number }[]): number {
  const slopes: number[] = []
  for (const [index, { x, y }] of points.entries()) {
    for (const later of points.slice(index + 1)) if (later.x > x) slopes.push((later.y - y) / (later.x - x))
  }
  return slopes.length === 0 ? 0 : median(slopes)
}

function trendOf({ name, samples }: Observed, quantity: Quantity): Trend | undefined {
  const first = samples[0]
  const last = samples.at(-1)
  if (first === undefined || last === undefined) return undefined
  const middle = (first.second + last.second) / 2
  const half = samples.filter(({ second }) => second >= middle)
  const points = thinned(half).map((sample: Sample) => ({ x: sample.second, y: sample[quantity] }))
  const slope = medianSlope(points)
  const offset = median(points.map(({ x, y }) => y - slope * x))
  const [from, to] = [offset + slope * middle, offset + slope * last.second]
  return {
    process: name,
    quantity,
    fromSecond: middle,
    toSecond: last.second,
    from,
    to,
    perMinute: slope * 60,
    exceeded: to - from > growthBounds[quantity],
  }
}

/** The trend of every process in every quantity. */
export function trendsOf(processes: readonly Observed[]): readonly Trend[] {
  return processes.flatMap((process) =>
    quantities.map((quantity) => trendOf(process, quantity)).filter((trend) => trend !== undefined),
  )
}
