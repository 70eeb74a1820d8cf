import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultsOf } from './parsed.js'

const escapes = 'illegal escape: known are \\a \\b \\f \\n \\r \\t \\v \\\\ \\" \\ooo \\xHH \\uXXXX \\UXXXXXXXX'

const cases: readonly (readonly [name: string, text: string, faults: readonly string[], values: unknown])[] = [
  [
    'a string not closed on its line',
    'a = "b\nc = 1',
    ['1:5: string not terminated: a string ends with a double quote on the same line'],
    { a: 'bad', c: 'number 1' },
  ],
  [
    'an interpolation not closed',
    'a = "${b"\nc = 1',
    ['1:5: string not terminated: the "${" in it has no closing brace'],
    { a: 'bad' },
  ],
  ['an unknown escape, as Markdown leaves them', 'a = "svid\\_b" b = 1', [`1:10: ${escapes}`], { a: 'bad' }],
  [
    'each unknown escape of a string',
    'a = "\\_\\q"\nb = 1',
    [`1:6: ${escapes}`, `1:8: ${escapes}`],
    { a: 'bad', b: 'number 1' },
  ],
  [
    'a short escape',
    'a = "\\x1"\nb = "\\u12"\nc = "\\18"',
    [`1:6: ${escapes}`, `2:6: ${escapes}`, `3:6: ${escapes}`],
    { a: 'bad', b: 'bad', c: 'bad' },
  ],
  [
    'an escape beyond its range',
    'a = "\\777"\nb = "\\U00110000"\nc = "\\ud800"',
    [`1:6: ${escapes}`, `2:6: ${escapes}`, `3:6: ${escapes}`],
    { a: 'bad', b: 'bad', c: 'bad' },
  ],
  [
    'escaped bytes that are not UTF-8',
    'a = "\\xff"',
    ['1:5: the bytes written as escapes are not valid UTF-8'],
    { a: 'bad' },
  ],
  [
    'single quotes',
    "a = 'b c' \nd = 1",
    ['1:5: strings need double quotes, not single quotes'],
    { a: 'bad', d: 'number 1' },
  ],
  ['a character of no meaning', 'a = @b\nc = 1', ['1:5: illegal character "@"'], { a: 'bad', c: 'number 1' }],
  [
    'an unquoted word',
    'a = server\nc = 1',
    ['1:5: "server" is not a value: text needs double quotes'],
    { a: 'bad', c: 'number 1' },
  ],
  [
    'an unquoted duration',
    'a = 10s\nc = 1',
    ['1:5: "10s" is not a number; as text it needs double quotes'],
    { a: 'bad', c: 'number 1' },
  ],
  [
    'an octal number with an 8',
    'a = 0689\nc = 1',
    ['1:5: illegal octal number "0689": a leading zero means octal'],
    { a: 'bad', c: 'number 1' },
  ],
  [
    'hexadecimal without digits, 0o644',
    'a = 0x\nb = 0o644',
    [
      '1:5: "0x" is not a number; as text it needs double quotes',
      '2:5: "0o644" is not a number; as text it needs double quotes',
    ],
    { a: 'bad', b: 'bad' },
  ],
  ['a key without a value at the end', 'a =', ['1:1: "a" has no value'], { a: 'bad' }],
  ['a key without a value before another', 'a =\nb = 1', ['1:1: "a" has no value'], { a: 'bad', b: 'number 1' }],
  ['a key without "="', 'a\nb = 1', ['1:1: "a" has no value: expected "=" or "{"'], { b: 'number 1' }],
  [
    'a key without "=" before its value',
    'a "b"\nc 5\nd = 1',
    ['2:3: expected "=" or "{" after "c", got a number'],
    { d: 'number 1' },
  ],
  [
    'a value for a key with a label',
    'a "b" = 1\nc = 1',
    ['1:7: expected "{" after "b": a key with a label takes a block, not a value'],
    { c: 'number 1' },
  ],
  ['a value without a key', '= 1\nb = 1', ['1:1: expected a key, got "="'], { b: 'number 1' }],
  ['a block without a key', '{ }', [], {}],
  [
    'a block without a key inside a block',
    'a {\n { b = 1 }\n c = 1 }',
    ['2:2: expected a key, got "{"'],
    { a: { c: 'number 1' } },
  ],
  ['a boolean as key', 'true = 1\nb = 1', ['1:1: expected a key, got "true"'], { b: 'number 1' }],
  ['a missing comma in a list', 'a = ["b" "c"]', ['1:10: expected "," or "]" before a string'], { a: ['b', 'c'] }],
  [
    'a word in a list',
    'a = ["b", c, "d"]',
    ['1:11: "c" is not a value: text needs double quotes'],
    { a: ['b', 'bad', 'd'] },
  ],
  [
    'a list not closed before the next key',
    'a = ["b",\nc = 1',
    ['1:5: "[" is never closed: expected "]", got "c"'],
    { a: 'bad', c: 'number 1' },
  ],
  [
    'a list not closed before a brace',
    'a { b = [1 }\nc = 1',
    ['1:9: "[" is never closed: expected "]", got "}"'],
    { a: { b: 'bad' }, c: 'number 1' },
  ],
  [
    'a list not closed at all',
    'a = [',
    ['1:5: "[" is never closed: expected "]", got the end of the file'],
    { a: 'bad' },
  ],
  ['a block not closed', 'a {\n b = 1', ['1:3: "{" is never closed'], { a: 'bad' }],
  ['two blocks not closed', 'a {\n b {', ['1:3: "{" is never closed', '2:4: "{" is never closed'], { a: 'bad' }],
  ['a closing brace too many', 'a { }\n}\nb = 1', ['2:1: unexpected "}": no block is open'], { a: {}, b: 'number 1' }],
  ['a closing bracket too many', 'a = 1 ]\nb = 1', ['1:7: expected a key, got "]"'], { a: 'number 1', b: 'number 1' }],
  ['a comment not closed', 'a { b = 1 /* c\n}\nd = 1', ['1:11: comment not terminated: "/*" needs "*/"'], { a: 'bad' }],
  [
    'a heredoc not closed',
    'a {\n b = <<EOF\n}\n',
    ['2:6: heredoc not terminated: "EOF" must stand alone on a line that ends with a line end'],
    { a: 'bad' },
  ],
  [
    'a heredoc closed by the end of the file',
    'b = <<EOF\nx\nEOF',
    ['1:5: heredoc not terminated: "EOF" must stand alone on a line that ends with a line end'],
    { b: 'bad' },
  ],
  [
    'a heredoc without a name',
    'b = <<\nc = 1',
    ['1:5: a heredoc starts with "<<" or "<<-" and a name of letters, digits and "_", alone to the end of the line'],
    { b: 'bad', c: 'number 1' },
  ],
  [
    'a single "<"',
    'b = <EOF\nc = 1',
    ['1:5: a heredoc starts with "<<" or "<<-" and a name of letters, digits and "_", alone to the end of the line'],
    { b: 'bad', c: 'number 1' },
  ],
  ['a lone slash', '/ a\nc = 1', ['1:1: illegal character "/"'], { c: 'number 1' }],
  [
    'several faults, each once',
    'a = b\nc d\ne = [1 2]\nf = "\ng = 1',
    [
      '1:5: "b" is not a value: text needs double quotes',
      '2:1: "c" has no value: expected "=" or "{"',
      '3:8: expected "," or "]" before a number',
      '4:5: string not terminated: a string ends with a double quote on the same line',
    ],
    { a: 'bad', e: ['number 1', 'number 2'], f: 'bad', g: 'number 1' },
  ],
]

for (const [name, text, faults, values] of cases) {
  test(`a syntax fault has its place, and what follows is read: ${name}`, () => {
    const found = faultsOf(text)
    assert.deepEqual(found.faults, faults)
    assert.deepEqual(found.values, values)
  })
}

const jsonCases: readonly (readonly [name: string, text: string, fault: string])[] = [
  ['an unclosed object', '{"a": 1', '1:8: expected "," or "}", got the end of the file'],
  ['a trailing comma', '{"a": 1,}', '1:9: expected a key in double quotes, got "}"'],
  ['a comment', '{ # no\n}', '1:3: expected a key in double quotes, got "#"'],
  ['a missing colon', '{"a" 1}', '1:6: expected ":" after "a", got "1"'],
  ['no value', '{"a": }', '1:7: expected a value, got "}"'],
  ['a word', '{"a": nul}', '1:7: expected a value, got "nul"'],
  ['an octal number', '{"a": 0644}', '1:8: expected "," or "}", got "6"'],
  ['an unclosed list', '{"a": [1', '1:9: expected "," or "]", got the end of the file'],
  ['an unclosed string', '{"a": "b\n"}', '1:7: string not terminated, or with a character JSON does not allow'],
  ['half of a surrogate pair', String.raw`{"a": "\ud83d"}`, '1:7: the string has half of a surrogate pair'],
  ['text after the object', '{}\n{}', '2:1: expected the end of the file, got "{"'],
]

for (const [name, text, fault] of jsonCases) {
  test(`the first fault of a JSON file has its place: ${name}`, () => {
    assert.deepEqual(faultsOf(text).faults, [fault])
  })
}
