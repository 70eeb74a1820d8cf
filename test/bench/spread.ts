import { align, median, type Sample, threeDigits, unique } from './table.js'

const valuesOf = (samples: readonly Sample[], proxy: string, metric: string): readonly number[] =>
  samples.filter((sample) => sample.proxy === proxy && sample.metric === metric).map(({ value }) => value)

/** With fewer rounds, all of them lean to one side by chance too often. */
const fewestRounds = 5
const leastDifference = 0.01

/**
 * Two builds that alternate meet the same disturbances, so the ratio is taken within each round: one that lies on the
 * same side of 1 in all rounds is a difference, one that straddles it is noise.
 */
function verdict(ratios: readonly number[]): string {
  if (ratios.length < fewestRounds || Math.abs(median(ratios) - 1) < leastDifference) return ''
  if (ratios.every((ratio) => ratio < 1)) return 'better'
  return ratios.every((ratio) => ratio > 1) ? 'worse' : ''
}

/** The first proxy against the second, round by round: medians, the median of the rounds' ratios, and their range. */
export function formatSpread(samples: readonly Sample[], first: string, second: string): string {
  const sections = unique(samples.map(({ setting }) => setting)).map((setting) => {
    const own = samples.filter((sample) => sample.setting === setting)
    const rows = unique(own.map(({ metric }) => metric)).map((metric) => {
      const [mine, others] = [valuesOf(own, first, metric), valuesOf(own, second, metric)]
      const ratios = mine.map((value, round) => value / (others[round] ?? Number.NaN))
      const unit = own.find((sample) => sample.metric === metric)?.unit ?? ''
      const range = `${Math.min(...ratios).toFixed(3)}–${Math.max(...ratios).toFixed(3)}`
      const numbers = [threeDigits(median(mine)), threeDigits(median(others)), median(ratios).toFixed(3), range]
      return [`${metric} [${unit}]`, ...numbers, verdict(ratios)]
    })
    return align([[setting, first, second, 'ratio', 'range of the rounds', ''], ...rows])
  })
  return sections.join('\n\n')
}
