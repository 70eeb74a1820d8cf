import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, parseRegistrationFile } from '../../../sidecar/config/index.js'
import { accounts } from './faults-of.js'

const options = { path: 'entries.hcl', trustDomain: 'td', accounts }

function linesOf(text: string): readonly string[] {
  try {
    parseRegistrationFile(text, options)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.lines
  }
}

test('entries give uids, IDs and hints, in HCL and in JSON', () => {
  const expected = [
    { uid: 1000, spiffeIds: ['spiffe://td/a', 'spiffe://td/b'], hint: '' },
    { uid: 0, spiffeIds: ['spiffe://td/a'], hint: 'internal' },
  ]
  const hcl =
    'entry { uid = 1000 spiffe_ids = ["spiffe://td/a", "spiffe://td/b"] }\nentry { uid = "root" spiffe_ids = ["spiffe://td/a"] hint = "internal" }'
  const json =
    '{"entry": [{"uid": 1000, "spiffe_ids": ["spiffe://td/a", "spiffe://td/b"]}, {"uid": "root", "spiffe_ids": ["spiffe://td/a"], "hint": "internal"}]}'
  assert.deepEqual(parseRegistrationFile(hcl, options), expected)
  assert.deepEqual(parseRegistrationFile(json, options), expected)
})

test('an empty registration file entitles nobody', () => {
  assert.deepEqual(parseRegistrationFile('# nobody yet\n', options), [])
})

const cases: readonly (readonly [requirement: string, text: string, lines: readonly string[]])[] = [
  [
    'an entry without uid and IDs is refused',
    'entry { }',
    ['entries.hcl:1:1: entry has no "uid"', 'entries.hcl:1:1: entry has no "spiffe_ids"'],
  ],
  [
    'an ID of another trust domain is refused',
    'entry { uid = 0 spiffe_ids = ["spiffe://other/a"] }',
    ['entries.hcl:1:30: "spiffe://other/a" is not of the trust domain "td"'],
  ],
  [
    'an empty list of IDs is refused',
    'entry { uid = 0 spiffe_ids = [] }',
    ['entries.hcl:1:30: "spiffe_ids" is an empty list'],
  ],
  [
    'an ID registered twice for a user is refused',
    'entry { uid = 0 spiffe_ids = ["spiffe://td/a"] }\nentry { uid = "root" spiffe_ids = ["spiffe://td/a"] }',
    ['entries.hcl:2:35: "spiffe://td/a" is registered for uid 0 already'],
  ],
  [
    'a hint for two IDs is refused',
    'entry { uid = 0 spiffe_ids = ["spiffe://td/a", "spiffe://td/b"] hint = "x" }',
    ['entries.hcl:1:72: "hint" tells one identity from the others of a user: give each its own entry'],
  ],
  [
    'a hint given twice to a user is refused',
    'entry { uid = 0 spiffe_ids = ["spiffe://td/a"] hint = "x" }\nentry { uid = 0 spiffe_ids = ["spiffe://td/b"] hint = "x" }',
    ['entries.hcl:2:55: the hint "x" is taken by another identity of uid 0'],
  ],
  [
    'what is no entry is refused',
    'entyr { }\nentry = 1\nentry "a" { }',
    [
      'entries.hcl:1:1: unknown key "entyr"; did you mean "entry"?',
      'entries.hcl:2:9: "entry" needs a block, not a number',
      'entries.hcl:3:7: "entry" takes no label',
    ],
  ],
  [
    'a user by an impossible number is refused',
    'entry { uid = -1 spiffe_ids = ["spiffe://td/a"] }',
    ['entries.hcl:1:15: "uid" needs a user by name or number'],
  ],
]

for (const [requirement, text, lines] of cases) {
  test(requirement, () => {
    assert.deepEqual(linesOf(text), lines)
  })
}
