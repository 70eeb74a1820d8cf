import assert from 'node:assert/strict'
import { test } from 'node:test'
import { providerFactories, type ConfigTable, type ProviderSettings } from '../../../../parsec-core/index.js'

const whole = {
  module: '/usr/lib/module.so',
  token_label: 'edge',
  user_pin_file: '/run/secrets/pin',
  key_store_dir: '/var/lib/keys',
}

/** What the factory makes of a block, and the keys it finds faults at. */
function configure(block: ProviderSettings): {
  readonly settings: ProviderSettings
  readonly faults: readonly string[]
} {
  const faults: string[] = []
  const table: ConfigTable = {
    string: (key) => block[key] as string | undefined,
    integer: (key) => block[key] as number | undefined,
    boolean: (key) => block[key] as boolean | undefined,
    durationMs: (key) => block[key] as number | undefined,
    fault: (key) => faults.push(key),
  }
  const factory = providerFactories.find(({ type }) => type === 'Pkcs11')
  assert.ok(factory)
  return { settings: factory.configure(table).settings, faults }
}

test('a block with the needed keys has every default written out, and is itself again', () => {
  const { settings, faults } = configure(whole)
  assert.deepEqual(faults, [])
  assert.deepEqual(settings, { ...whole, max_sessions: 2, key_storage: 'session', operation_timeout: 5_000 })
  assert.deepEqual(configure(settings), { settings, faults })
})

for (const [what, block, fault] of [
  ['without a module', { module: undefined }, 'module'],
  ['without a token', { token_label: undefined }, 'token_label'],
  ['without a PIN', { user_pin_file: undefined }, 'user_pin_file'],
  ['with two PINs', { user_pin_env: 'PIN' }, 'user_pin_env'],
  [
    'with a credential in another directory',
    { user_pin_file: undefined, user_pin_credential: '../pin' },
    'user_pin_credential',
  ],
  ['without a key store', { key_store_dir: undefined }, 'key_store_dir'],
  ['with no session', { max_sessions: 0 }, 'max_sessions'],
  ['with a storage there is not', { key_storage: 'disk' }, 'key_storage'],
  ['with no time', { operation_timeout: 1 }, 'operation_timeout'],
] as const) {
  test(`a block ${what} is a fault`, () => {
    assert.deepEqual(configure({ ...whole, ...block }).faults, [fault])
  })
}
