import assert from 'node:assert/strict'
import { after, beforeEach, describe, test } from 'node:test'
import {
  generatePrivateKey,
  openProvider,
  signingKeyAttributes,
  type KeyIdentity,
} from '../../../../parsec-core/index.js'
import { FaultyModule } from '../../../devices/faulty-module.js'
import { SoftHsm, softHsmMissing } from '../../../devices/softhsm.js'

const deviceMemory = 0x31

describe('a PKCS#11 token', { skip: softHsmMissing ?? false }, () => {
  const hsm = new SoftHsm()
  const faulty = softHsmMissing === undefined ? new FaultyModule(hsm) : undefined
  after(() => hsm.remove())
  beforeEach(() => faulty?.mend())
  if (softHsmMissing === undefined) hsm.initToken('edge')

  const open = (settings: Readonly<Record<string, unknown>>) => openProvider({ name: 'hsm', type: 'Pkcs11', settings })
  const key: KeyIdentity = { applicationIdentity: 'test', keyName: 'key' }
  const message = Buffer.from('a message')

  test('two tokens with one label: refused with their serials, and chosen by one', async () => {
    const serials = [hsm.initToken('twin'), hsm.initToken('twin')]
    const settings = hsm.settings('twin')
    await assert.rejects(open(settings), (error: Error) => {
      assert.match(error.message, /several tokens with the label "twin": choose one by "token_serial"/u)
      return serials.every((serial) => error.message.includes(serial))
    })
    for (const serial of serials) await (await open({ ...settings, token_serial: serial })).close()
    const { token_label: _, ...bySerial } = settings
    await (await open({ ...bySerial, token_serial: serials[0] })).close()
  })

  test('no token of that label: refused with those that are there', async () => {
    await assert.rejects(open(hsm.settings('none')), {
      statusName: 'PsaErrorDoesNotExist',
      message: /no token with the label "none": there are .*"edge"/u,
    })
  })

  test('token full', async () => {
    const provider = await open(hsm.settings('edge', { module: faulty?.path, key_storage: 'token' }))
    faulty?.fail({ C_GenerateKeyPair: deviceMemory })
    await assert.rejects(provider.psaGenerateKey?.(key, signingKeyAttributes('ec-p256')) ?? Promise.resolve(), {
      statusName: 'PsaErrorInsufficientStorage',
      message: /CKR_DEVICE_MEMORY, the token is full/u,
    })
    assert.deepEqual(provider.availability, { state: 'ready' })
    faulty?.mend()
    await provider.psaGenerateKey?.(key, signingKeyAttributes('ec-p256'))
    await provider.close()
  })

  test('key deleted behind our back, under load: its uses fail as a key that is gone, and others go on', async () => {
    const provider = await open(hsm.settings('edge', { key_storage: 'token' }))
    const other = { applicationIdentity: 'test', keyName: 'other' }
    const signer = await generatePrivateKey(provider, key, 'ec-p256')
    const stays = await generatePrivateKey(provider, other, 'ec-p256')
    const missing = new Promise((resolve) => provider.onKeyMissing((info) => resolve(info.identity)))
    const failure = signUntilFailure(() => signer.sign('EcdsaSha256', message))
    const label = 'svidecar:test/key'
    hsm.tool('edge', ['--delete-object', '--type', 'privkey', '--label', label])
    assert.match(String(await failure), /is gone from the token/u)
    assert.deepEqual(await missing, key)
    assert.match(provider.keyInfo(key).missing ?? '', /is gone from the token/u)
    await stays.sign('EcdsaSha256', message)
    assert.deepEqual(
      (await provider.checkKeys?.())?.missing.map(({ identity }) => identity),
      [key],
    )
    await provider.close()
  })

  test('keys of others in the token are neither listed nor destroyed, and orphans of ours are', async () => {
    hsm.initToken('shared')
    hsm.tool('shared', ['--keypairgen', '--key-type', 'EC:prime256v1', '--label', 'svidecar:not ours', '--id', '0a'])
    const first = await open(hsm.settings('shared'))
    await first.psaGenerateKey?.(key, signingKeyAttributes('ec-p256', 'persistent'))
    await first.close()
    const provider = await open(hsm.settings('shared'))
    const orphans = (await provider.checkKeys?.())?.orphans ?? []
    assert.deepEqual(
      orphans.map(({ label }) => label),
      ['svidecar:test/key'],
    )
    for (const orphan of orphans) await provider.destroyOrphan?.(orphan)
    assert.deepEqual((await provider.checkKeys?.())?.orphans, [])
    assert.match(hsm.tool('shared', ['--list-objects']), /svidecar:not ours/u)
    await provider.close()
  })
})

/** The error that ended it. */
async function signUntilFailure(sign: () => Promise<unknown>): Promise<unknown> {
  for (;;) {
    try {
      await sign()
      await new Promise((resolve) => setImmediate(resolve))
    } catch (error) {
      return error
    }
  }
}
