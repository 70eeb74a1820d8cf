import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openProvider, providerFactories, type Provider } from '../../parsec-core/index.js'
import { providerContract, type ProviderFixture } from './provider.js'

const folder = mkdtempSync(join(tmpdir(), 'svidecar-providers-'))
after(() => rmSync(folder, { recursive: true }))

const softwareGaps: ProviderFixture['unsupported'] = {
  operations: [],
  keyTypes: [],
  algorithms: [],
}
const inSoftware = { generated: 'software', imported: 'software' }

const fixtures: readonly ProviderFixture[] = [
  {
    name: 'Software in memory',
    type: 'Software',
    open: () => openProvider({ name: 'memory', type: 'Software', settings: {} }),
    residency: inSoftware,
    unsupported: softwareGaps,
  },
  {
    name: 'Software encrypted at rest',
    type: 'Software',
    open: openEncrypted,
    residency: inSoftware,
    unsupported: softwareGaps,
  },
]

for (const fixture of fixtures) providerContract(fixture)

test('every factory of the list has a fixture here', () => {
  const judged = new Set(fixtures.map((fixture) => fixture.type))
  assert.deepEqual(
    providerFactories.map((factory) => factory.type).filter((type) => !judged.has(type)),
    [],
  )
})

let opened = 0

/** A store of its own each time: the contract begins with an empty provider. */
function openEncrypted(): Promise<Provider> {
  opened += 1
  const storeKeyFile = join(folder, 'store.key')
  writeFileSync(storeKeyFile, randomBytes(32), { mode: 0o600 })
  const settings = { store: 'encrypted', key_store_dir: join(folder, String(opened)), store_key_file: storeKeyFile }
  return openProvider({ name: 'encrypted', type: 'Software', settings })
}
