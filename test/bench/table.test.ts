import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatTable, median, type Sample } from './table.js'

function sample(proxy: string, value: number, setting = 'server'): Sample {
  return { proxy, setting, metric: 'CPU', unit: 'ms', value }
}

test('the median of an even number of rounds lies between the two in the middle', () => {
  assert.equal(median([4, 1, 3, 2]), 2.5)
  assert.equal(median([9, 1, 2]), 2)
})

test('a cell holds the median of its rounds, and for a peer the first column as a share of it', () => {
  const samples = [sample('own', 0.4), sample('peer', 1), sample('own', 0.6), sample('peer', 1)]
  assert.equal(formatTable(samples, ['own', 'peer']), 'server   |   own |        peer\nCPU [ms] | 0.500 | 1.00 (0.50)')
})

test('each setting is a section with the proxies that it was measured for', () => {
  const table = formatTable([sample('own', 1), sample('peer', 2), sample('own', 3, 'client')], ['own', 'peer'])
  assert.deepEqual(
    table.split('\n\n').map((section) => section.split('\n')[0]?.trimEnd()),
    ['server   |  own |        peer', 'client   |  own'],
  )
})
