import assert from 'node:assert/strict'
import { test } from 'node:test'
import { metrics } from './metrics.js'
import type { Sample } from './table.js'
import { formatTargets, type Target, targetsOf } from './targets.js'

const setting = 'server, tcp plaintext'

function sample(proxy: string, metric: string, value: number): Sample {
  return { proxy, setting, metric, unit: 'ms', value }
}

function find(targets: readonly Target[], what: string): Target {
  const found = targets.find((target) => target.what.startsWith(what))
  assert.ok(found, what)
  return found
}

test('a ratio is of the medians, once for each number of callers and each setting', () => {
  const [eight, one] = [metrics.connection(8, 'CPU'), metrics.connection(1, 'CPU')]
  const samples = [
    ...[0.4, 0.5, 9].map((value) => sample('svidecar', eight, value)),
    sample('ghostunnel', eight, 1),
    sample('svidecar', one, 0.8),
    sample('ghostunnel', one, 1),
  ]
  const target = find(targetsOf(samples, [8, 1], []), 'CPU per connection, server mode, to ghostunnel')
  assert.deepEqual(
    target.cases.map(({ value }) => value),
    [0.5, 0.8],
  )
  const [, line, , ...missed] = formatTargets([target]).split('\n')
  assert.match(line ?? '', /≤ 0\.55 × .* 0\.500 × .* 0\.500–0\.800 \| MISSED in 1 of 2$/)
  assert.deepEqual(missed, [
    'missed (≤ 0.55): server, tcp plaintext, connection, 1 caller: CPU: 0.800 × 0.800 against 1.00 ms of ghostunnel',
  ])
})

test('round trips are compared with whichever peer is best at each reading', () => {
  const p50 = metrics.roundTrip(8, 'p50')
  const samples = [sample('svidecar', p50, 2), sample('ghostunnel', p50, 4), sample('nginx', p50, 2.5)]
  const { cases } = find(targetsOf(samples, [8], []), 'round trip p50')
  assert.deepEqual(
    cases.map(({ value, detail }) => [value, detail]),
    [[0.8, '2.00 against 2.50 ms of nginx']],
  )
})

test('a target without a reading is not measured, and one that cannot be computed is missed', () => {
  assert.match(formatTargets(targetsOf([], [8], [])), /round trip p50.* not measured/)
  const rotation = { what: 'rotation', unit: 'ms', small: undefined, large: 3, atMost: { ratio: 1.25 } }
  assert.match(formatTargets([find(targetsOf([], [8], [rotation]), 'rotation')]), /MISSED/)
})

test('the stretch is met when every case meets it', () => {
  const target = { what: 'memory', unit: ' KiB', bound: 8, stretch: 4 }
  const cases = (...values: number[]) => values.map((value) => ({ where: '', value, detail: '' }))
  assert.match(formatTargets([{ ...target, cases: cases(4, 3) }]), /met, and the stretch$/)
  assert.match(formatTargets([{ ...target, cases: cases(4, 5) }]), /met$/)
})
