import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeBase64, decodeBase64Url } from '../../../workload-api/encoding/base64.js'
import { decodeUtf8, rawMembers, readJsonObject } from '../../../workload-api/encoding/json.js'

test('only an object is an object', () => {
  for (const text of [
    '',
    ' ',
    '[]',
    'null',
    '1',
    '"{}"',
    '{',
    '{}{}',
    "{'a':1}",
    '{"a":1,}',
    '{"a":NaN}',
    '\ufeff{}',
  ]) {
    assert.equal(readJsonObject(text), undefined, text)
  }
  assert.equal(readJsonObject('['.repeat(100_000)), undefined)
})

test('a member is found once for each time it is written, whatever it is disguised as', () => {
  const text = '{"a":1,"b":{"a":2},"c":[{"a":3}],"d":"\\"a\\":4","\\u0061":5,"a" : 6.50,"e":"a"}'
  assert.ok(readJsonObject(text))
  assert.deepEqual(rawMembers(text, 'a'), ['1', '5', '6.50'])
  assert.deepEqual(rawMembers(text, 'd'), ['"\\"a\\":4"'])
  assert.deepEqual(rawMembers('{}', 'a'), [])
  assert.deepEqual(rawMembers('{"a":{"b":1},"b":2}', 'b'), ['2'])
})

test('looking for members takes time in proportion to the text', () => {
  const text = `{"a":"${'\\"'.repeat(500_000)}","b":${'['.repeat(900)}${']'.repeat(900)}}`
  const started = performance.now()
  assert.deepEqual(rawMembers(text, 'c'), [])
  assert.ok(performance.now() - started < 2_000)
})

test('members named as those of every object are members', () => {
  const object = readJsonObject('{"__proto__":{"x":1},"hasOwnProperty":2}')
  assert.deepEqual(Object.keys(object ?? {}), ['__proto__', 'hasOwnProperty'])
  assert.equal(({} as Record<string, unknown>)['x'], undefined)
})

test('bytes that are not UTF-8 are no text', () => {
  for (const bytes of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xc0, 0xaf], [0xf4, 0x90, 0x80, 0x80]]) {
    assert.equal(decodeUtf8(Uint8Array.from(bytes)), undefined)
  }
})

test('base64 has one spelling: no other alphabet, white space, missing or spare padding, spare bits', () => {
  for (const text of ['A', 'AA', 'AA=', 'AAA', 'AA==\n', 'AA == ', '-_==', 'AAAA=', '====']) {
    assert.equal(decodeBase64(text), undefined, text)
  }
  for (const text of ['A', 'AA==', '+/', 'A A', 'AB', 'AAB']) assert.equal(decodeBase64Url(text), undefined, text)
  assert.deepEqual([...(decodeBase64Url('-_8') ?? [])], [0xfb, 0xff])
})
