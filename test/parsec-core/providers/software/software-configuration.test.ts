import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openProvider, providerFactories, type ConfigTable } from '../../../../parsec-core/index.js'

/** A block as plain values, noting the faults a factory finds. */
class TestTable implements ConfigTable {
  readonly faults: string[] = []
  readonly #values: Readonly<Record<string, unknown>>

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values
  }

  string(key: string): string | undefined {
    const value = this.#values[key]
    return typeof value === 'string' ? value : undefined
  }

  integer(): undefined {
    return undefined
  }

  boolean(): undefined {
    return undefined
  }

  durationMs(): undefined {
    return undefined
  }

  fault(key: string): void {
    this.faults.push(key)
  }
}

function configure(values: Readonly<Record<string, unknown>>) {
  const factory = providerFactories.find(({ type }) => type === 'Software')
  assert.ok(factory)
  const table = new TestTable(values)
  const { settings } = factory.configure(table)
  return { settings, faults: table.faults }
}

test('an empty block is a memory-only provider, the default written out', () => {
  assert.deepEqual(configure({}), { settings: { store: 'memory' }, faults: [] })
})

test('an encrypted store needs a directory and a store key file', () => {
  assert.deepEqual(configure({ store: 'encrypted' }).faults, ['key_store_dir', 'store_key_file'])
  const settings = { store: 'encrypted', key_store_dir: '/d', store_key_file: '/k' }
  assert.deepEqual(configure(settings), { settings, faults: [] })
})

test('a store of another name, and files for a memory-only one, are faults', () => {
  assert.deepEqual(configure({ store: 'plain' }).faults, ['store'])
  assert.deepEqual(configure({ store_key_file: '/k' }).faults, ['store_key_file'])
})

test('a provider of a type that is not in the list cannot be opened', async () => {
  await assert.rejects(openProvider({ name: 'x', type: 'Pkcs11', settings: {} }), TypeError)
})
