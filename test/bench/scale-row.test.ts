import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatRows, isMissed } from './scale-row.js'

const row = { what: 'tunnels', unit: 's', small: 2, large: 3 }

test('a target is a bound of the value or of its ratio to the small end', () => {
  assert.equal(isMissed(row), false)
  assert.equal(isMissed({ ...row, atMost: { value: 3 } }), false)
  assert.equal(isMissed({ ...row, atMost: { value: 2.9 } }), true)
  assert.equal(isMissed({ ...row, atMost: { ratio: 1.5 } }), false)
  assert.equal(isMissed({ ...row, atMost: { ratio: 1.4 } }), true)
})

test('a ratio that was not measured is missed', () => {
  assert.equal(isMissed({ ...row, large: Number.NaN, atMost: { ratio: 1.4 } }), true)
  assert.equal(isMissed({ ...row, small: undefined, atMost: { ratio: 1.4 } }), true)
  assert.equal(isMissed({ ...row, large: Number.NaN, atMost: { value: 1 } }), true)
})

test('the table gives values, ratio and whether the target is met', () => {
  const table = formatRows([
    { ...row, atMost: { value: 5 } },
    { what: 'more', unit: 'KiB', small: undefined, large: 36.06 },
  ])
  assert.deepEqual(table.split('\n'), [
    '            | small | large | ratio | target',
    'tunnels [s] |  2.00 |  3.00 |  1.50 | ≤ 5  met',
    'more [KiB]  |     – |  36.1 |     – |',
  ])
})
