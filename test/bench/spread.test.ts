import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatSpread } from './spread.js'
import type { Sample } from './table.js'

function rounds(proxy: string, metric: string, values: readonly number[]): readonly Sample[] {
  return values.map((value) => ({ proxy, metric, unit: 'ms', setting: 'server', value }))
}

function lastCells(own: readonly number[], other: readonly number[]): readonly (string | undefined)[] {
  const table = formatSpread([...rounds('own', 'CPU', own), ...rounds('other', 'CPU', other)], 'own', 'other')
  return (
    table
      .split('\n')[1]
      ?.split('|')
      .slice(-3)
      .map((cell) => cell.trim()) ?? []
  )
}

test('two proxies are compared round by round, since what disturbs a round disturbs both', () => {
  assert.deepEqual(lastCells([0.9, 1.8, 0.8, 0.9, 0.9], [1, 2, 1, 1, 1]), ['0.900', '0.800–0.900', 'better'])
  assert.deepEqual(lastCells([1.1, 2.4, 1.2, 1.2, 1.2], [1, 2, 1, 1, 1]), ['1.200', '1.100–1.200', 'worse'])
})

test('a difference that the rounds do not agree about is none', () => {
  assert.deepEqual(lastCells([0.9, 2.2, 0.9, 0.9, 0.9], [1, 2, 1, 1, 1]), ['0.900', '0.900–1.100', ''])
  assert.deepEqual(lastCells([0.9, 0.9], [1, 1]), ['0.900', '0.900–0.900', ''])
})
