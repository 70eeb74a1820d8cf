import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BytePattern } from './byte-pattern.js'

test('a pattern is the same however it is cut into pieces', () => {
  const pattern = new BytePattern()
  const whole = pattern.slice(0, 200_000)
  for (const [offset, length] of [
    [0, 1],
    [65_500, 100],
    [131_000, 69_000],
  ] as const) {
    assert.ok(pattern.slice(offset, length).equals(whole.subarray(offset, offset + length)))
  }
})

test('a changed byte is found where it is', () => {
  const pattern = new BytePattern()
  const received = pattern.slice(70_000, 5_000)
  assert.equal(pattern.firstDifference(70_000, received), undefined)
  received.writeUInt8(received.readUInt8(1_234) ^ 1, 1_234)
  assert.equal(pattern.firstDifference(70_000, received), 71_234)
})

test('bytes that were lost, moved by a record or sent to another connection are found', () => {
  const pattern = new BytePattern()
  assert.notEqual(pattern.firstDifference(0, pattern.slice(1, 1_000)), undefined)
  assert.notEqual(pattern.firstDifference(0, pattern.slice(16_384, 1_000)), undefined)
  assert.notEqual(pattern.firstDifference(0, new BytePattern().slice(0, 1_000)), undefined)
})
