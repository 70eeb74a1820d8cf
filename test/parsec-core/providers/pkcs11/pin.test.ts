import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, beforeEach, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openProvider } from '../../../../parsec-core/index.js'
import { FaultyModule } from '../../../devices/faulty-module.js'
import { pkcs11SpyModule } from '../../../devices/pkcs11-spy.js'
import { SoftHsm, softHsmMissing, userPin } from '../../../devices/softhsm.js'

const run = promisify(execFile)
const wrongPin = '000000'

describe('the user PIN', { skip: softHsmMissing ?? false }, () => {
  const hsm = new SoftHsm()
  const faulty = softHsmMissing === undefined ? new FaultyModule(hsm) : undefined
  after(() => hsm.remove())
  beforeEach(() => faulty?.mend())
  if (softHsmMissing === undefined) hsm.initToken('edge')

  const open = (settings: Readonly<Record<string, unknown>>) => openProvider({ name: 'hsm', type: 'Pkcs11', settings })
  const opens = async (settings: Readonly<Record<string, unknown>>) => (await open(settings)).close()

  test('PIN wrong', async () => {
    const settings = hsm.settings('edge', { user_pin_file: hsm.pinFile(wrongPin) })
    await assert.rejects(open(settings), { statusName: 'PsaErrorNotPermitted', message: /CKR_PIN_INCORRECT/u })
  })

  test('PIN wrong, process restarted ten times: the token is not locked, one login attempt is seen', async () => {
    const log = join(hsm.folder, 'spy.log')
    const environment = { ...process.env, ...hsm.environment, PKCS11SPY: hsm.module, PKCS11SPY_OUTPUT: log }
    const pin = hsm.pinFile(wrongPin)
    const settings = hsm.settings('edge', { module: pkcs11SpyModule(), user_pin_file: pin })
    const program = fileURLToPath(new URL('../../../devices/open-provider.js', import.meta.url))
    const restart = async () =>
      (await run(process.execPath, [program, 'Pkcs11', JSON.stringify(settings)], { env: environment })).stdout
    assert.match(await restart(), /CKR_PIN_INCORRECT/u)
    for (let restarts = 1; restarts < 10; restarts += 1) assert.match(await restart(), /it is not tried again/u)
    assert.equal(readFileSync(log, 'utf8').match(/: C_Login$/gmu)?.length, 1)
    writeFileSync(pin, userPin)
    assert.match(await restart(), /^opened/u)
  })

  test('PIN wrong once and right by now: tried again when it changes, and when its memory is removed', async () => {
    const settings = hsm.settings('edge', { user_pin_file: hsm.pinFile(wrongPin) })
    await assert.rejects(open(settings), { statusName: 'PsaErrorNotPermitted' })
    await opens({ ...settings, user_pin_file: hsm.pinFile() })
    // The right one went through, so the token's owner may have changed it to any since: nothing is remembered.
    await assert.rejects(open(settings), { message: /CKR_PIN_INCORRECT/u })
    await assert.rejects(open(settings), { message: /it is not tried again/u })
    rmSync(join(String(settings['key_store_dir']), 'refused-secrets.json'))
    await assert.rejects(open(settings), { message: /CKR_PIN_INCORRECT/u })
  })

  test('PIN locked, or with one try left: no login is attempted', async () => {
    for (const [flags, expected] of [
      [0x4_0000, /is locked/u],
      [0x2_0000, /one try left/u],
    ] as const) {
      // The login itself would say something else.
      faulty?.fail({ C_GetTokenInfo: `flags:${flags}`, C_Login: 0xa4 })
      const settings = hsm.settings('edge', { module: faulty?.path })
      await assert.rejects(open(settings), { statusName: 'PsaErrorNotPermitted', message: expected })
    }
  })

  test('is read from a file, the environment or a systemd credential', async () => {
    const { user_pin_file: file, ...settings } = hsm.settings('edge')
    await opens({ ...settings, user_pin_file: file })
    process.env['SVIDECAR_TEST_PIN'] = userPin
    await opens({ ...settings, user_pin_env: 'SVIDECAR_TEST_PIN' })
    process.env['CREDENTIALS_DIRECTORY'] = mkdtempSync(join(hsm.folder, 'credentials-'))
    writeFileSync(join(process.env['CREDENTIALS_DIRECTORY'], 'pin'), userPin, { mode: 0o400 })
    await opens({ ...settings, user_pin_credential: 'pin' })
  })

  test('in a file that others may read is refused', async () => {
    const path = join(hsm.folder, 'open-pin')
    writeFileSync(path, userPin, { mode: 0o644 })
    const settings = hsm.settings('edge', { user_pin_file: path })
    await assert.rejects(open(settings), { statusName: 'PsaErrorStorageFailure', message: /everybody may use it/u })
  })
})
