import assert from 'node:assert/strict'
import { test } from 'node:test'
import { splitArguments } from '../../../sidecar/processes/split-arguments.js'

const accepted: readonly (readonly [text: string, args: readonly string[]])[] = [
  ['', []],
  ['server --listen localhost:8002', ['server', '--listen', 'localhost:8002']],
  ['-e "ALTER INSTANCE RELOAD TLS;"', ['-e', 'ALTER INSTANCE RELOAD TLS;']],
  ['a  b', ['a', '', 'b']],
  [' a', ['', 'a']],
  ['a ', ['a', '']],
  ['a\tb', ['a\tb']],
  ["'a b' $HOME \\n", ["'a", "b'", '$HOME', '\\n']],
  ['"say ""yes""" b', ['say "yes"', 'b']],
  ['"" b', ['', 'b']],
  ['"two\nlines" b', ['two\nlines', 'b']],
  ['a b\nc', ['a', 'b']],
]

for (const [text, args] of accepted) {
  test(`cmd_args is split as spiffe-helper does: ${JSON.stringify(text)}`, () => {
    assert.deepEqual(splitArguments(text), { arguments: args })
  })
}

const refused: readonly (readonly [text: string, column: number, fault: string])[] = [
  ['a b"c', 4, 'bare " in non-quoted field'],
  ['--name="x y"', 8, 'bare " in non-quoted field'],
  ['"a"b', 3, 'extraneous or missing " in quoted-field'],
  ['a "b', 5, 'extraneous or missing " in quoted-field'],
]

for (const [text, column, fault] of refused) {
  test(`cmd_args with a stray quote is a fault with its place: ${JSON.stringify(text)}`, () => {
    assert.deepEqual(splitArguments(text), { column, fault })
  })
}
