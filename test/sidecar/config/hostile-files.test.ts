import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultsOf, tunnel } from './faults-of.js'

const megabyte = 1024 * 1024

/** Files that must be refused soon, in bounded text, without a crash. */
const files: readonly (readonly [name: string, text: string, expected: string])[] = [
  [
    'blocks nested without end',
    'a {'.repeat(100_000),
    '1:97: nested deeper than 32 levels; the rest of the file is not read',
  ],
  [
    'lists nested without end',
    `a = ${'['.repeat(1_000_000)}`,
    '1:37: nested deeper than 32 levels; the rest of the file is not read',
  ],
  [
    'JSON objects nested without end',
    '{"a":'.repeat(100_000),
    '1:166: nested deeper than 32 levels; the rest of the file is not read',
  ],
  [
    'JSON lists nested without end',
    `{"a":${'['.repeat(1_000_000)}`,
    '1:38: nested deeper than 32 levels; the rest of the file is not read',
  ],
  [
    'more values than any configuration has',
    `a = [${'0,'.repeat(600_000)}]`,
    '1:1000002: more than 500000 values; the rest of the file is not read',
  ],
  [
    'more keys than any item has',
    'a '.repeat(2 * megabyte),
    '1:999999: more than 500000 values; the rest of the file is not read',
  ],
  [
    'a JSON list of more values',
    `{"a":[${'0,'.repeat(600_000)}0]}`,
    '1:1000005: more than 500000 values; the rest of the file is not read',
  ],
  [
    'a string without end',
    `a = "${'x'.repeat(4 * megabyte)}`,
    '1:5: string not terminated: a string ends with a double quote on the same line',
  ],
  [
    'a JSON string without end',
    `{"a":"${'x'.repeat(4 * megabyte)}`,
    '1:6: string not terminated, or with a character JSON does not allow',
  ],
  [
    'an interpolation without end',
    `a = "${'${'.repeat(megabyte)}`,
    '1:5: string not terminated: the "${" in it has no closing brace',
  ],
  ['a comment without end', `/*${'*'.repeat(4 * megabyte)}`, '1:1: comment not terminated: "/*" needs "*/"'],
  [
    'a heredoc without end',
    `a = <<X\n${'y\n'.repeat(2 * megabyte)}`,
    '1:5: heredoc not terminated: "X" must stand alone on a line that ends with a line end',
  ],
  ['a NUL', 'a = "b"\n\0', '2:1: NUL character: this is no text file'],
  ['NULs only', '\0'.repeat(megabyte), '1:1: NUL character: this is no text file'],
  [
    'a byte order mark',
    `\ufeff${tunnel('')}`,
    '1:1: the file starts with a byte order mark: save it as UTF-8 without one',
  ],
  ['larger than the bound', ' '.repeat(8 * megabyte + 1), '1:1: the file is larger than 8388608 bytes'],
  [
    'an identifier of megabytes',
    'x'.repeat(7 * megabyte),
    `1:${7 * megabyte + 1}: expected "=" or "{" after "${'x'.repeat(80)}…", got the end of the file`,
  ],
  [
    'Unicode letters by the megabyte',
    'é'.repeat(4 * megabyte),
    `1:${4 * megabyte + 1}: expected "=" or "{" after "${'é'.repeat(80)}…", got the end of the file`,
  ],
  [
    'a number of megabytes',
    tunnel(`max_connections = ${'9'.repeat(7 * megabyte)}`),
    '1:32: "max_connections" needs a whole number from 1 to 1000000',
  ],
  ['control characters where a key belongs', '\u001b[2J\u0007 = 1', '1:1: illegal character "\\u001b"'],
  ['a right-to-left override in a key', '"\u202ecba" = 1', '1:1: unknown key "\\u202ecba"'],
]

for (const [name, text, expected] of files) {
  test(`refused soon and in few words: ${name}`, () => {
    const faults = faultsOf(text)
    assert.ok(faults.includes(expected), faults[0])
    assert.ok(faults.length <= 5)
    // oxlint-disable-next-line no-control-regex
    for (const fault of faults) assert.match(fault, /^[^\u0000-\u001f\u007f-\u009f\u202a-\u202e\ufeff]{1,600}$/)
  })
}

test('a file of nothing but faults is answered with a thousand and a count', () => {
  const faults = faultsOf('x = 1\n'.repeat(100_000))
  assert.equal(faults.length, 1001)
  assert.equal(faults[1], '2:1: unknown key "x"')
  assert.match(faults.at(-1) ?? '', /: and 99000 more faults$/)
})

test('text of the file in a fault is escaped and short', () => {
  const [fault] = faultsOf(tunnel(`identity = "a"`) + `\nidentity "b\\n\\x1b[2J\\"${'c'.repeat(500)}" { }`).slice(-1)
  assert.equal(fault?.startsWith('3:10: the label "b\\u000a\\u001b[2J\\"ccc'), true)
  assert.ok((fault?.length ?? 0) < 250)
})

test('names of JavaScript objects are keys like any other', () => {
  const keys = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
  for (const key of keys) {
    assert.deepEqual(faultsOf(`${key} = 1\n${tunnel('')}`), [`1:1: unknown key "${key}"`])
    assert.deepEqual(faultsOf(`identity "a" { source = "${key}" }\n${tunnel('')}`), [
      `1:25: "source" needs "workload-api" or "authority" or "spire-server", not "${key}"`,
    ])
  }
})
