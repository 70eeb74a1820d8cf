import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  nextRotationAt,
  rotationStep,
  type RootState,
  type ScheduledRoot,
} from '../../../sidecar/authority/ca-schedule.js'

function root(state: RootState, from: number, to: number): ScheduledRoot {
  return { state, createdAt: new Date(from), notAfter: new Date(to) }
}

const cases: readonly (readonly [string, readonly ScheduledRoot[], number, ReturnType<typeof rotationStep>])[] = [
  ['without any authority one is created that signs', [], 0, 'create-active'],
  ['in the first half of its life nothing is due', [root('active', 0, 600)], 299, undefined],
  ['at half of its life the next one is created', [root('active', 0, 600)], 300, 'create-next'],
  [
    'the next one is published for a while before it signs',
    [root('active', 0, 600), root('next', 300, 900)],
    499,
    undefined,
  ],
  ['at five sixths the next one signs', [root('active', 0, 600), root('next', 300, 900)], 500, 'activate'],
  [
    'a next one made late gets its share of what is left',
    [root('active', 0, 600), root('next', 540, 900)],
    579,
    undefined,
  ],
  ['after that share it signs', [root('active', 0, 600), root('next', 540, 900)], 580, 'activate'],
  [
    'a retired one stays through its last second, which belongs to its validity',
    [root('retired', 0, 6_000), root('active', 3_000, 60_000)],
    6_999,
    undefined,
  ],
  ['after it, it goes', [root('retired', 0, 6_000), root('active', 3_000, 60_000)], 7_000, 'prune'],
  [
    'with the key of the active one lost the next one signs at once',
    [root('retired', 0, 600), root('next', 300, 900)],
    310,
    'activate',
  ],
  ['with every key lost a new one is created', [root('retired', 0, 600)], 10, 'create-active'],
  ['after a long sleep what ended goes first', [root('active', 0, 600), root('next', 300, 900)], 10_000, 'prune'],
]

for (const [name, roots, now, step] of cases) {
  test(name, () => assert.equal(rotationStep(roots, new Date(now)), step))
}

test('the next moment is the first of all that is to come', () => {
  assert.equal(nextRotationAt([root('active', 0, 600)]).getTime(), 300)
  assert.equal(nextRotationAt([root('active', 0, 600), root('next', 300, 900)]).getTime(), 500)
  assert.equal(nextRotationAt([root('retired', 0, 4_000), root('active', 3_000, 9_000)]).getTime(), 5_000)
})

test('at the next moment there is a step, and after it none at the same moment', () => {
  const roots = [root('retired', 0, 4_000), root('active', 3_000, 9_000)]
  assert.notEqual(rotationStep(roots, nextRotationAt(roots)), undefined)
})

test('a life shorter than the backdating rotates at its half too, and not over and over', () => {
  const roots = [root('active', 100_000, 104_000)]
  assert.equal(rotationStep(roots, new Date(100_000)), undefined)
  assert.equal(nextRotationAt(roots).getTime(), 102_000)
})
