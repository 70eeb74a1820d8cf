import assert from 'node:assert/strict'
import { test } from 'node:test'
import { svgPlot, ticksUpTo } from './svg-plot.js'
import { blockChart } from './terminal-plot.js'
import { trendsOf } from './trend.js'

test('bars rise with their values', () => {
  assert.deepEqual(blockChart([0, 4, 8, 12, 16], 2), ['   ▄█', ' ▄███'])
})

test('many readings are drawn as their means', () => {
  const [row] = blockChart(
    Array.from({ length: 6_400 }, () => 5),
    1,
  )
  assert.equal(row, '█'.repeat(64))
})

test('ticks are round numbers that reach above the largest value', () => {
  assert.deepEqual(ticksUpTo(86, 5), [0, 20, 40, 60, 80, 100])
  assert.deepEqual(ticksUpTo(0.55, 8), [0, 0.2, 0.4, 0.6])
})

test('text of the plot cannot break out of the SVG', () => {
  const samples = [0, 1, 2, 3].map((second) => ({ second, residentMiB: 80, descriptors: 30 }))
  const processes = [{ name: '<script>&', pid: 1, samples }]
  const text = { title: 'a < b', subtitle: '', footnote: '' }
  const svg = svgPlot({ ...text, processes, trends: trendsOf(processes), restarts: [1], seconds: 3 })
  assert.match(svg, /&lt;script&gt;&amp;/)
  assert.match(svg, /a &lt; b/)
  assert.doesNotMatch(svg, /<script>|NaN|Infinity|undefined/)
})
