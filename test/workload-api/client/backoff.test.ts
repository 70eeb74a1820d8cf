import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backoffDelayMs, defaultBackoff } from '../../../workload-api/client/backoff.js'

const pauses = (random: number) =>
  Array.from({ length: 9 }, (_, failures) => backoffDelayMs(failures, defaultBackoff, random))

test('the first pause is none, the following ones double from a second up to half a minute', () => {
  assert.deepEqual(pauses(0), [0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
})

test('chance takes off up to half of a pause', () => {
  assert.deepEqual(pauses(1), [0, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000])
})

test('after any number of failures the pause is a number', () => {
  assert.equal(backoffDelayMs(1e6, defaultBackoff, 0), 30_000)
})
