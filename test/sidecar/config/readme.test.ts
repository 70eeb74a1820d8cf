import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { entryKeys } from '../../../sidecar/config/registration-file.js'
import type { KeyTable } from '../../../sidecar/config/schema/spec.js'
import {
  allowKeys,
  attestationKeys,
  blockTables,
  jwtSvidKeys,
  onUpdateKeys,
  topLevelKeys,
} from '../../../sidecar/config/tables/index.js'
import { repositoryRoot } from '../../repository-root.js'

const readme = readFileSync(join(repositoryRoot, 'sidecar', 'config', 'README.md'), 'utf8')

/** The rows of the table under a heading, without the widths prettier gives the columns, and without the meaning. */
function rowsUnder(heading: string): readonly string[] {
  const section = readme.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? ''
  const rows = section.split('\n').filter((line) => line.startsWith('| `'))
  return rows.map((row) => {
    const [, key = '', type = '', value = '', meaning = ''] = row.split('|').map((cell) => cell.trim())
    assert.notEqual(meaning, '', `${key} has a meaning`)
    return `${key} ${type} ${value}`
  })
}

const sections: readonly (readonly [heading: string, keys: KeyTable])[] = [
  ['Keys outside of blocks', topLevelKeys],
  ...Object.entries(blockTables).map(([name, { keys }]) => [`Block: ${name}`, keys] as const),
  ['Block: allow', allowKeys],
  ['Block: attestation', attestationKeys],
  ['Block: jwt_svids', jwtSvidKeys],
  ['Block: on_update', onUpdateKeys],
  ['Block: entry', entryKeys],
]

for (const [heading, keys] of sections) {
  test(`every key has its row in the README, and every row its key: ${heading}`, () => {
    const expected = Object.entries(keys).map(([key, spec]) => `\`${key}\` ${spec.type} ${spec.default}`)
    assert.deepEqual(rowsUnder(heading), expected)
  })
}

test('every block has its section in the README', () => {
  const headings = [...readme.matchAll(/^## Block: (.*)$/gm)].map(([, name]) => name)
  assert.deepEqual(
    new Set(headings),
    new Set([...Object.keys(blockTables), 'allow', 'attestation', 'jwt_svids', 'on_update', 'entry']),
  )
})
