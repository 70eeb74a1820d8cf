import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDuration } from '../../../sidecar/config/index.js'

const cases: readonly (readonly [text: string, ms: number | undefined])[] = [
  ['0', 0],
  ['+0', 0],
  ['0s', 0],
  ['5s', 5000],
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
  ['.5s', 500],
  ['1.s', 1000],
  ['2h45m30.5s', 9_930_500],
  ['-1m', -60_000],
  ['+1m', 60_000],
  ['100ms', 100],
  ['1500us', 1.5],
  ['1500µs', 1.5],
  ['1500μs', 1.5],
  ['250000ns', 0.25],
  ['', undefined],
  ['-', undefined],
  ['5', undefined],
  ['s', undefined],
  ['.s', undefined],
  ['5 s', undefined],
  ['1m 30s', undefined],
  ['1d', undefined],
  ['5S', undefined],
  ['--5s', undefined],
  ['1e3s', undefined],
  ['0x5s', undefined],
  ['99999999999999999999h', undefined],
]

for (const [text, ms] of cases) {
  test(`the duration "${text}" is ${ms === undefined ? 'refused' : `${ms} milliseconds`}`, () => {
    assert.equal(parseDuration(text), ms)
  })
}
