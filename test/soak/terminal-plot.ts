import type { Observed } from './sampler.js'
import type { Quantity } from './trend.js'

const blocks = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const
const fullBlock = blocks.length - 1
const columns = 64
const rows = 3

/** The mean of what falls into each column. */
function perColumn(values: readonly number[]): readonly number[] {
  const count = Math.min(columns, values.length)
  return Array.from({ length: count }, (_, column) => {
    const start = Math.floor((column * values.length) / count)
    const end = Math.max(start + 1, Math.floor(((column + 1) * values.length) / count))
    const part = values.slice(start, end)
    return part.reduce((sum, value) => sum + value, 0) / part.length
  })
}

/** Bars of block characters from zero to the largest value, `rows` lines high. */
export function blockChart(values: readonly number[], height = rows): readonly string[] {
  const bars = perColumn(values)
  const largest = Math.max(1, ...bars)
  return Array.from({ length: height }, (_, index) => {
    const below = (height - 1 - index) * fullBlock
    return bars
      .map((value) => Math.round((value / largest) * height * fullBlock) - below)
      .map((eighths) => blocks[Math.min(fullBlock, Math.max(0, eighths))] ?? ' ')
      .join('')
  })
}

/** One process's quantity with its name, and the largest value beside the top. */
export function terminalPlot({ name, samples }: Observed, quantity: Quantity, title: string): string {
  const values = samples.map((sample) => sample[quantity])
  const scale = (row: number) => (row === 0 ? Math.max(0, ...values).toFixed(0) : row === rows - 1 ? '0' : '')
  const chart = blockChart(values).map((text, row) => `${scale(row).padStart(6)} ┤${text}`)
  return [`       ${name}: ${title}`, ...chart].join('\n')
}
