import assert from 'node:assert/strict'
import { test } from 'node:test'
import { providerFactories } from '../../parsec-core/index.js'
import { pkcs11Fixtures } from './fixtures/pkcs11.js'
import { softwareFixtures } from './fixtures/software.js'
import { tpmFixtures } from './fixtures/tpm.js'
import { providerContract } from './provider.js'

const fixtures = [...softwareFixtures, ...pkcs11Fixtures, ...tpmFixtures]

for (const fixture of fixtures) providerContract(fixture)

test('every factory of the list has a fixture here', () => {
  const judged = new Set(fixtures.map((fixture) => fixture.type))
  assert.deepEqual(
    providerFactories.map((factory) => factory.type).filter((type) => !judged.has(type)),
    [],
  )
})
