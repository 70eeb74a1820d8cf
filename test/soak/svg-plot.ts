import type { Observed } from './sampler.js'
import type { Quantity, Trend } from './trend.js'

/** What stands around the curves. */
export interface PlotText {
  readonly title: string
  readonly subtitle: string
  readonly footnote: string
}

export interface PlotInput extends PlotText {
  readonly processes: readonly Observed[]
  readonly trends: readonly Trend[]
  /** Seconds at which the authority was restarted. */
  readonly restarts: readonly number[]
  readonly seconds: number
}

const width = 1000
const height = 640
const left = 64
const right = 190
const panelTop = { residentMiB: 112, descriptors: 370 } as const
const panelHeight = 196
const panelTitle = { residentMiB: 'resident memory, MiB', descriptors: 'open descriptors' } as const
/** Okabe and Ito's: told apart without colour vision too. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7'] as const
const ink = '#1f2933'
const faint = '#6b7785'
const grid = '#e4e8ec'
const labelGap = 17

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }
const escaped = (text: string): string => text.replaceAll(/[&<>]/g, (character) => escapes[character] ?? '')

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escaped(content)}</text>`
}

function line(x1: number, y1: number, x2: number, y2: number, attributes: string): string {
  return `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" ${attributes}/>`
}

/** Round steps, about `wanted` of them, from zero to above `largest`. */
export function ticksUpTo(largest: number, wanted: number): readonly number[] {
  const rough = Math.max(largest, 1) / wanted
  const magnitude = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((factor) => factor * magnitude).find((candidate) => candidate >= rough) ?? rough
  // Rounded: a tenth counted up is no tenth any more.
  return Array.from({ length: Math.ceil(largest / step) + 1 }, (_, index) => Number((index * step).toPrecision(6)))
}

/** Where seconds and values lie on the page. */
interface Scale {
  x(second: number): number
  y(value: number): number
  readonly ticks: readonly number[]
}

function scaleOf(quantity: Quantity, { processes, seconds }: PlotInput): Scale {
  const largest = Math.max(1, ...processes.flatMap(({ samples }) => samples.map((sample) => sample[quantity])))
  const ticks = ticksUpTo(largest, 5)
  const top = ticks.at(-1) ?? largest
  return {
    ticks,
    x: (second) => left + (second / seconds) * (width - left - right),
    y: (value) => panelTop[quantity] + panelHeight * (1 - value / top),
  }
}

function axes(quantity: Quantity, scale: Scale, { seconds, restarts }: PlotInput): readonly string[] {
  const bottom = panelTop[quantity] + panelHeight
  const minutes = ticksUpTo(seconds / 60, 8).filter((minute) => minute * 60 <= seconds)
  const middle = scale.x(seconds / 2)
  const shade = `<rect x="${middle.toFixed(1)}" y="${panelTop[quantity]}" width="${(scale.x(seconds) - middle).toFixed(1)}" height="${panelHeight}" fill="#f4f7f9"/>`
  return [
    shade,
    ...scale.ticks.flatMap((value) => [
      line(left, scale.y(value), width - right, scale.y(value), `stroke="${grid}"`),
      text(left - 8, scale.y(value) + 4, String(value), `text-anchor="end" fill="${faint}"`),
    ]),
    line(left, bottom, width - right, bottom, `stroke="${faint}"`),
    ...minutes.map((minute) =>
      text(scale.x(minute * 60), bottom + 18, `${minute}`, `text-anchor="middle" fill="${faint}"`),
    ),
    text(width - right + 18, bottom + 18, 'minutes', `fill="${faint}"`),
    ...restarts.map((second) =>
      line(scale.x(second), bottom, scale.x(second), bottom - 7, `stroke="${faint}" stroke-width="1.5"`),
    ),
    text(left, panelTop[quantity] - 10, panelTitle[quantity], `fill="${ink}" font-weight="600"`),
  ]
}

function curve({ samples }: Observed, quantity: Quantity, scale: Scale, colour: string): string {
  const points = samples.map((sample) => `${scale.x(sample.second).toFixed(1)},${scale.y(sample[quantity]).toFixed(1)}`)
  return `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.6" stroke-linejoin="round"/>`
}

function trendLine(trend: Trend, scale: Scale): string {
  const from = [scale.x(trend.fromSecond), scale.y(trend.from)] as const
  const to = [scale.x(trend.toSecond), scale.y(trend.to)] as const
  return line(...from, ...to, `stroke="${ink}" stroke-width="1.2" stroke-dasharray="5 4"`)
}

/** Labels at the ends of the curves, moved apart where curves meet. */
function spread(wanted: readonly number[]): readonly number[] {
  const placed = wanted.map((y, index) => ({ y, index })).toSorted((a, b) => a.y - b.y)
  for (const [index, label] of placed.entries()) {
    const above = placed[index - 1]
    if (above !== undefined) label.y = Math.max(label.y, above.y + labelGap)
  }
  return placed.toSorted((a, b) => a.index - b.index).map(({ y }) => y)
}

function labels(quantity: Quantity, scale: Scale, { processes, trends }: PlotInput): readonly string[] {
  const last = processes.map(({ samples }) => samples.at(-1)?.[quantity] ?? 0)
  const places = spread(last.map((value) => scale.y(value) + 4))
  return processes.map(({ name }, index) => {
    const trend = trends.find((candidate) => candidate.process === name && candidate.quantity === quantity)
    const slope = trend === undefined ? '' : ` (${signed(trend.perMinute)}/min)`
    const label = `${name} ${(last[index] ?? 0).toFixed(0)}${slope}`
    return text(width - right + 8, places[index] ?? 0, label, `fill="${colours[index % colours.length]}"`)
  })
}

export function signed(value: number): string {
  const rounded = value.toFixed(2)
  return Number(rounded) === 0 ? '±0' : value > 0 ? `+${rounded}` : `−${rounded.slice(1)}`
}

function panel(quantity: Quantity, input: PlotInput): readonly string[] {
  const scale = scaleOf(quantity, input)
  return [
    ...axes(quantity, scale, input),
    ...input.processes.map((process, index) => curve(process, quantity, scale, colours[index % colours.length] ?? ink)),
    ...input.trends.filter((trend) => trend.quantity === quantity).map((trend) => trendLine(trend, scale)),
    ...labels(quantity, scale, input),
  ]
}

/** Memory and descriptors over time as one SVG page. */
export function svgPlot(input: PlotInput): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`,
    ' font-family="system-ui, -apple-system, \'Segoe UI\', \'DejaVu Sans\', sans-serif" font-size="12">',
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(left, 38, input.title, `fill="${ink}" font-size="19" font-weight="600"`),
    text(left, 62, input.subtitle, `fill="${faint}" font-size="13"`),
    ...panel('residentMiB', input),
    ...panel('descriptors', input),
    text(left, height - 18, input.footnote, `fill="${faint}"`),
    '</svg>',
    '',
  ].join('\n')
}
