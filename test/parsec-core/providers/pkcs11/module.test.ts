import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { openProvider, ParsecError, signingKeyAttributes } from '../../../../parsec-core/index.js'
import { compileModule } from '../../../devices/faulty-module.js'
import { SoftHsm, softHsmMissing } from '../../../devices/softhsm.js'

/** How a module that cannot be used is reported, and that this process lives on. */
async function assertUnusable(hsm: SoftHsm, module: string, expected: RegExp): Promise<void> {
  const settings = hsm.settings('edge', { module })
  await assert.rejects(openProvider({ name: 'hsm', type: 'Pkcs11', settings }), (error) => {
    assert.ok(error instanceof ParsecError)
    assert.equal(error.statusName, 'PsaErrorCommunicationFailure')
    assert.match(error.message, expected)
    assert.ok(error.message.includes(JSON.stringify(module)))
    return true
  })
}

describe('a PKCS#11 module', { skip: softHsmMissing ?? false }, () => {
  const hsm = new SoftHsm()
  after(() => hsm.remove())

  test('module file missing', async () => {
    await assertUnusable(hsm, join(hsm.folder, 'none.so'), /the file is not there/u)
  })

  test('module file not a PKCS#11 module', async () => {
    const text = join(hsm.folder, 'text.so')
    writeFileSync(text, 'no library')
    await assertUnusable(hsm, text, /no PKCS#11 module that can be loaded here/u)
    await assertUnusable(hsm, compileModule(hsm.folder, 'NO_FUNCTION_LIST'), /no PKCS#11 module.*C_GetFunctionList/u)
  })

  test('module file crashing at load', async () => {
    await assertUnusable(hsm, compileModule(hsm.folder, 'CRASH_AT_LOAD'), /ends the process that loads it \(SIGABRT\)/u)
  })

  test('module file hanging at load', async () => {
    await assertUnusable(hsm, compileModule(hsm.folder, 'HANG_AT_LOAD'), /did not answer within 5000 ms/u)
  })

  test('serves several providers at once, initialised once, whatever names it goes by', async () => {
    const open = (label: string, further = {}) =>
      openProvider({ name: label, type: 'Pkcs11', settings: hsm.settings(label, further) })
    hsm.initToken('one')
    hsm.initToken('other')
    const one = await open('one')
    const other = await open('other', { module: hsm.module.replace('/softhsm/', '/./softhsm/') })
    const key = { applicationIdentity: 'test', keyName: 'key' }
    for (const provider of [one, other]) await provider.psaGenerateKey?.(key, signingKeyAttributes('ec-p256'))
    await one.close()
    await other.psaSignMessage?.(key, 'EcdsaSha256', Buffer.from('still there'))
    await other.close()
    const again = await open('one')
    await again.close()
  })
})
