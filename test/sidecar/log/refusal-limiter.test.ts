import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RefusalLimiter } from '../../../sidecar/log/refusal-limiter.js'

function limited() {
  const suppressed: [kind: string, count: number][] = []
  return { suppressed, limiter: new RefusalLimiter((kind, count) => suppressed.push([kind, count])) }
}

test('ten refusals of a kind get their line, the rest is counted', () => {
  const { suppressed, limiter } = limited()
  const admitted = Array.from({ length: 25 }, () => limiter.admits('a')).filter(Boolean).length
  assert.equal(limiter.admits('b'), true)
  limiter.close()
  assert.equal(admitted, 10)
  assert.deepEqual(suppressed, [['a', 15]])
})

test('a stranger who varies his refusals does not make it grow: from 1,000 kinds on they are one', () => {
  const { suppressed, limiter } = limited()
  const admitted = Array.from({ length: 5000 }, (_, kind) => limiter.admits(`kind ${kind}`)).filter(Boolean).length
  limiter.close()
  assert.equal(admitted, 1010)
  assert.deepEqual(suppressed, [['other', 3990]])
})
