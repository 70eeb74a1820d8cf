import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { repositoryRoot } from './repository-root.js'

interface Surface {
  readonly [entry: string]: readonly string[]
}

const listed = JSON.parse(readFileSync(join(repositoryRoot, 'test', 'public-surface.json'), 'utf8')) as Surface
const { exports } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as {
  exports: Readonly<Record<string, unknown>>
}

test('every entry of the package is listed', () => {
  const entries = Object.keys(exports).filter((entry) => entry !== './package.json')
  assert.deepEqual(entries.map((entry) => entry.slice('./'.length)).sort(), Object.keys(listed).sort())
})

for (const [entry, names] of Object.entries(listed)) {
  test(`the values svidecar/${entry} exports change on purpose only`, async () => {
    const module = (await import(join(repositoryRoot, 'dist', entry, 'index.js'))) as object
    assert.deepEqual(Object.keys(module).sort(), [...names].sort())
  })
}
