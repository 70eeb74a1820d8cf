import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Observed } from './sampler.js'
import { growthBounds, medianSlope, trendsOf } from './trend.js'

/** Ten minutes of readings; memory and descriptors as the functions of the second say. */
function observed(residentMiB: (second: number) => number, descriptors: (second: number) => number): Observed {
  const samples = Array.from({ length: 601 }, (_, second) => ({
    second,
    residentMiB: residentMiB(second),
    descriptors: descriptors(second),
  }))
  return { name: 'server', pid: 1, samples }
}

const exceeded = (process: Observed) =>
  trendsOf([process])
    .filter((trend) => trend.exceeded)
    .map(({ quantity }) => quantity)

test('single peaks do not move a slope', () => {
  const points = Array.from({ length: 100 }, (_, x) => ({ x, y: x % 10 === 0 ? 1_000 : 3 * x }))
  assert.ok(Math.abs(medianSlope(points) - 3) < 0.2)
})

test('what was taken in the first half and kept is no growth', () => {
  assert.deepEqual(
    exceeded(
      observed(
        (second) => 80 + Math.min(second, 250),
        (second) => Math.min(second, 290),
      ),
    ),
    [],
  )
})

test('a sawtooth of garbage collection is no growth', () => {
  assert.deepEqual(
    exceeded(
      observed(
        (second) => 80 + (second % 45) / 2,
        () => 30,
      ),
    ),
    [],
  )
})

test('a steady leak of memory is found', () => {
  const perSecond = (1.2 * growthBounds.residentMiB) / 300
  assert.deepEqual(
    exceeded(
      observed(
        (second) => 80 + second * perSecond + (second % 45) / 2,
        () => 30,
      ),
    ),
    ['residentMiB'],
  )
})

test('a descriptor left over every half minute is found', () => {
  assert.deepEqual(
    exceeded(
      observed(
        () => 80,
        (second) => 30 + Math.floor(second / 30) + (second % 3),
      ),
    ),
    ['descriptors'],
  )
})
