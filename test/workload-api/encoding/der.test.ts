import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { splitSequences } from '../../../workload-api/encoding/der.js'

const bytes = (...values: number[]) => Uint8Array.from(values)
const filled = (header: readonly number[], length: number) => Uint8Array.from([...header, ...Array(length).fill(7)])

describe('concatenated DER', () => {
  test('is split where each sequence ends', () => {
    const pieces = splitSequences(bytes(0x30, 1, 9, 0x30, 0, 0x30, 2, 8, 8), 3)
    assert.deepEqual(pieces, [bytes(0x30, 1, 9), bytes(0x30, 0), bytes(0x30, 2, 8, 8)])
  })

  test('of nothing has no pieces', () => assert.deepEqual(splitSequences(bytes(), 1), []))

  test('is copied, so that no piece keeps its message alive', () => {
    const message = bytes(0x30, 1, 9)
    const [piece] = splitSequences(message, 1)!
    message.fill(0)
    assert.deepEqual(piece, bytes(0x30, 1, 9))
  })

  for (const [name, header, length] of [
    ['0x7f', [0x30, 0x7f], 0x7f],
    ['0x80', [0x30, 0x81, 0x80], 0x80],
    ['0xff', [0x30, 0x81, 0xff], 0xff],
    ['0x100', [0x30, 0x82, 1, 0], 0x100],
    ['0x10000', [0x30, 0x83, 1, 0, 0], 0x10000],
  ] as const) {
    test(`may have a length of ${name}`, () => {
      const whole = filled(header, length)
      assert.deepEqual(splitSequences(whole, 1), [whole])
    })
  }

  for (const [why, input] of [
    ['another tag', bytes(0x31, 0)],
    ['a tag alone', bytes(0x30)],
    ['a length that runs past the end', bytes(0x30, 2, 0)],
    ['a length cut off', bytes(0x30, 0x82, 1)],
    ['an indefinite length', bytes(0x30, 0x80, 0, 0)],
    ['one octet where none is needed', filled([0x30, 0x81, 0x7f], 0x7f)],
    ['two octets where one is enough', filled([0x30, 0x82, 0, 0x80], 0x80)],
    ['three octets where two are enough', filled([0x30, 0x83, 0, 1, 0], 0x100)],
    ['four octets', bytes(0x30, 0x84, 0, 0, 0, 0)],
    ['the reserved length', bytes(0x30, 0xff)],
    ['a byte left over', bytes(0x30, 0, 0)],
    ['more pieces than allowed', bytes(0x30, 0, 0x30, 0, 0x30, 0)],
  ] as const) {
    test(`is refused with ${why}`, () => assert.equal(splitSequences(input, 2), undefined))
  }
})
