import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { providerFactories, signingKeyTypes, type ConfigTable } from '../../parsec-core/index.js'
import { repositoryRoot } from '../repository-root.js'

const readme = readFileSync(join(repositoryRoot, 'parsec-core', 'README.md'), 'utf8')

/** The section of a provider, from its heading to the next one. */
function sectionOf(type: string): string {
  return readme.split(/^##+ /mu).find((section) => section.startsWith(`${type}\n`)) ?? ''
}

/** Notes which keys a factory asks for, and has none of them. */
function askedBy(configure: (table: ConfigTable) => unknown): ReadonlySet<string> {
  const asked = new Set<string>()
  const note = (key: string) => {
    asked.add(key)
    return undefined
  }
  configure({ string: note, integer: note, boolean: note, durationMs: note, fault: () => undefined })
  return asked
}

for (const factory of providerFactories) {
  test(`the README has a section for ${factory.type} with a row for each of its keys`, () => {
    const section = sectionOf(factory.type)
    for (const key of askedBy((table) => factory.configure(table))) {
      assert.ok(section.includes(`| \`${key}\` |`), `no row for ${key}`)
    }
    assert.match(section, /What it cannot do/u)
  })
}

test('the README names every kind of key', () => {
  for (const type of signingKeyTypes) assert.ok(readme.includes(`\`${type}\``), type)
})
