import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Faults } from '../../../../sidecar/config/faults.js'
import { parseDocument } from '../../../../sidecar/config/hcl/index.js'
import { valuesOf } from './parsed.js'

const cases: readonly (readonly [name: string, text: string, values: unknown])[] = [
  ['an empty file', '', {}],
  ['a file of comments', '# a\n// b\n/* c\n d */ # e', {}],
  [
    'a comment in every place',
    'a /*1*/ = /*2*/ [ # 3\n "x", // 4\n /*5*/ "y" ] b = 1 # 6',
    { a: ['x', 'y'], b: 'number 1' },
  ],
  ['a comment mark inside a string', 'a = "# no /* comment */ // here"', { a: '# no /* comment */ // here' }],
  ['a block comment that does not nest', '/* a /* b */ c = 1', { c: 'number 1' }],
  ['a quoted key', '"a b" = 1', { 'a b': 'number 1' }],
  ['keys with dots, dashes and Unicode letters', 'a.b-c_1 = 1\nété = 2', { 'a.b-c_1': 'number 1', été: 'number 2' }],
  ['a block with and without "="', 'a { b = 1 }\nc = { d = 2 }', { a: { b: 'number 1' }, c: { d: 'number 2' } }],
  ['a label, quoted or not', 'a "x" { }\na y { }', { 'a x': {}, 'a y': {} }],
  ['several labels', 'a "b" "c" { d = 1 }', { 'a b c': { d: 'number 1' } }],
  ['a brace on the next line', 'a "b"\n{\n}', { 'a b': {} }],
  [
    'two items on one line',
    'a = 1 b = 2 c { d = 3 e = 4 }',
    { a: 'number 1', b: 'number 2', c: { d: 'number 3', e: 'number 4' } },
  ],
  [
    'commas between items',
    'a = 1, b = 2,\nc { d = 3, e = 4, },',
    { a: 'number 1', b: 'number 2', c: { d: 'number 3', e: 'number 4' } },
  ],
  ['repeated keys, all of them', 'a = 1\na = 2', { a: 'number 1', 'a#': 'number 2' }],
  ['booleans', 'a = true b = false', { a: true, b: false }],
  [
    'decimal, octal and hexadecimal numbers',
    'a = [1, 0644, 0x1a4, 0X1F, -5, 0]',
    { a: ['1', '0644', '0x1a4', '0X1F', '-5', '0'].map((n) => `number ${n}`) },
  ],
  [
    'floats and exponents',
    'a = [1.5, .5, 1e3, 2.5E-3, -1.0e+2]',
    { a: ['1.5', '.5', '1e3', '2.5E-3', '-1.0e+2'].map((n) => `number ${n}`) },
  ],
  ['lists of values, with a trailing comma', 'a = ["b", 1, true,]', { a: ['b', 'number 1', true] }],
  ['an empty list', 'a = []', { a: [] }],
  ['surplus commas in a list', 'a = [,"b",,"c",]', { a: ['b', 'c'] }],
  [
    'lists of objects and of lists',
    'a = [{ b = 1 }, { b = 2 }] c = [[1], []]',
    { a: [{ b: 'number 1' }, { b: 'number 2' }], c: [['number 1'], []] },
  ],
  ['every simple escape', String.raw`a = "\a\b\f\n\r\t\v\\\""`, { a: '\u0007\b\f\n\r\t\v\\"' }],
  ['octal and hexadecimal escapes', String.raw`a = "\101\x41\060"`, { a: 'AA0' }],
  ['bytes that spell one character', String.raw`a = "\xc3\xa9 \303\251 \xe2\x82\xac"`, { a: 'é é €' }],
  ['Unicode escapes', String.raw`a = "\u00e9\U0001F511"`, { a: 'é🔑' }],
  [
    'an interpolation as it stands',
    String.raw`a = "x ${'$'}{f("\z", {b})} y"`,
    { a: String.raw`x ${'$'}{f("\z", {b})} y` },
  ],
  ['a line end inside an interpolation', 'a = "${\n}"', { a: '${\n}' }],
  ['a lone dollar', 'a = "$5 $$ {}$"', { a: '$5 $$ {}$' }],
  ['an empty string', 'a = ""', { a: '' }],
  ['a heredoc', 'a = <<EOF\nx\n  "y"\\n\nEOF\nb = 1', { a: 'x\n  "y"\\n\n', b: 'number 1' }],
  ['an empty heredoc', 'a = <<EOF\nEOF\n', { a: '' }],
  ['a heredoc whose closing line is indented', 'a = <<EOF\n  x\n  EOF\n', { a: '  x\n' }],
  ['an indented heredoc', 'a = <<-EOF\n    x\n      y\n    EOF\n', { a: 'x\n  y\n' }],
  ['an indented heredoc of which one line is not', 'a = <<-EOF\n    x\n  y\n    EOF\n', { a: '    x\n  y\n' }],
  ['an indented heredoc that is not indented', 'a = <<-EOF\nx\nEOF\n', { a: 'x\n' }],
  ['a closing word inside a heredoc line', 'a = <<EOF\nEOF x\nxEOF\nEOF\n', { a: 'EOF x\nxEOF\n' }],
  ['a heredoc in a list', 'a = [<<EOF\nx\nEOF\n, "y"]', { a: ['x\n', 'y'] }],
  [
    'Windows line ends',
    'a = 1\r\nb = <<EOF\r\nx\r\nEOF\r\nc { d = "e" }\r\n',
    { a: 'number 1', b: 'x\n', c: { d: 'e' } },
  ],
  [
    'tabs and form of the demo of KubeEdge',
    'agentAddress = "/tmp/a.sock"\ncmdArgs = "server --listen 1.2.3.4:5"',
    { agentAddress: '/tmp/a.sock', cmdArgs: 'server --listen 1.2.3.4:5' },
  ],
]

for (const [name, text, values] of cases) {
  test(`HCL 1: ${name}`, () => {
    assert.deepEqual(valuesOf(text), values)
  })
}

const jsonCases: readonly (readonly [name: string, text: string, values: unknown])[] = [
  ['an empty object', ' \n{}', {}],
  [
    'nested objects and lists',
    '{"a": {"b": [1, -2.5e3, true, false, null, "c"]}}',
    { a: { b: ['number 1', 'number -2.5e3', true, false, null, 'c'] } },
  ],
  ['escapes of JSON', String.raw`{"a": "\/\b\u00e9\ud83d\udd11\""}`, { a: '/\bé🔑"' }],
  ['repeated keys, all of them', '{"a": 1, "a": 2}', { a: 'number 1', 'a#': 'number 2' }],
  ['the key __proto__ as a key', '{"__proto__": 1}', { ['__proto__']: 'number 1' }],
]

for (const [name, text, values] of jsonCases) {
  test(`a file that starts with a brace is JSON: ${name}`, () => {
    assert.deepEqual(valuesOf(text), values)
  })
}

test('every value and key carries its line and column, counted in characters', () => {
  const { body } = parseDocument('# é\n  a "🔑" { b = ["🔑", 7] }\r\n\tc = 1', new Faults())
  const [a, c] = body.items
  assert.deepEqual(
    [a?.key.at, a?.labels[0]?.at, a?.value.at],
    [
      { line: 2, column: 3 },
      { line: 2, column: 5 },
      { line: 2, column: 9 },
    ],
  )
  assert.ok(a?.value.kind === 'object')
  const b = a.value.items[0]
  assert.ok(b?.value.kind === 'list')
  assert.deepEqual(
    [b.key.at, b.value.at],
    [
      { line: 2, column: 11 },
      { line: 2, column: 15 },
    ],
  )
  assert.deepEqual(
    b.value.items.map((item) => item.at),
    [
      { line: 2, column: 16 },
      { line: 2, column: 21 },
    ],
  )
  assert.deepEqual(
    [c?.key.at, c?.value.at],
    [
      { line: 3, column: 2 },
      { line: 3, column: 6 },
    ],
  )
})
