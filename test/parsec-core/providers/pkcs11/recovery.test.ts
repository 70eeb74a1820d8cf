import assert from 'node:assert/strict'
import { after, beforeEach, describe, test } from 'node:test'
import {
  generatePrivateKey,
  openProvider,
  signingKeyAttributes,
  stuckDeviceCalls,
  type Availability,
  type KeyIdentity,
  type Provider,
} from '../../../../parsec-core/index.js'
import { FaultyModule } from '../../../devices/faulty-module.js'
import { SoftHsm, softHsmMissing } from '../../../devices/softhsm.js'

const sessionHandleInvalid = 0xb3
const deviceRemoved = 0x32
const tokenNotPresent = 0xe0
const userNotLoggedIn = 0x101
const generalError = 0x5

const key: KeyIdentity = { applicationIdentity: 'test', keyName: 'key' }
const message = Buffer.from('a message')
const persistent = { lifetime: 'persistent' } as const

describe('a PKCS#11 token that fails', { skip: softHsmMissing ?? false }, () => {
  const hsm = new SoftHsm()
  const faulty = softHsmMissing === undefined ? new FaultyModule(hsm) : undefined
  // A provider that waits for its device does not keep a process alive; a sidecar's listeners do.
  const alive = setInterval(() => undefined, 1_000)
  after(() => {
    clearInterval(alive)
    hsm.remove()
  })
  beforeEach(() => faulty?.mend())

  let tokens = 0
  /** On a token of its own. */
  const open = (further: Readonly<Record<string, unknown>> = {}) => {
    tokens += 1
    const label = `token ${tokens}`
    hsm.initToken(label)
    return openProvider({
      name: 'hsm',
      type: 'Pkcs11',
      settings: hsm.settings(label, { module: faulty?.path, ...further }),
    })
  }

  for (const [what, returnValue] of [
    ['session invalid', sessionHandleInvalid],
    ['login lost', userNotLoggedIn],
  ] as const) {
    test(`${what}: opened anew at the next signature, which is made`, async () => {
      const provider = await open()
      const signer = await generatePrivateKey(provider, key, 'ec-p256', persistent)
      const changes: Availability[] = []
      provider.onAvailability((change) => changes.push(change))
      faulty?.fail({ C_SignInit: `once:${returnValue}` })
      const signatures = Array.from({ length: 20 }, () => signer.sign('EcdsaSha256', message))
      await Promise.all(signatures)
      assert.deepEqual(changes, [])
      await provider.close()
    })
  }

  test('device removed: lost with the reason, at once for all; back by itself, persistent keys with it', async () => {
    const provider = await open()
    const signer = await generatePrivateKey(provider, key, 'ec-p256', persistent)
    const volatile = { applicationIdentity: 'test', keyName: 'volatile' }
    await provider.psaGenerateKey?.(volatile, signingKeyAttributes('ec-p256'))
    const lost = stateOf(provider, 'lost')
    faulty?.fail({ C_SignInit: deviceRemoved, C_OpenSession: tokenNotPresent })
    await assert.rejects(signer.sign('EcdsaSha256', message), { message: /CKR_TOKEN_NOT_PRESENT/u })
    assert.match(reasonOf(await lost), /CKR_TOKEN_NOT_PRESENT/u)
    const ready = stateOf(provider, 'ready')
    await assert.rejects(signer.sign('EcdsaSha256', message), { statusName: 'PsaErrorCommunicationFailure' })
    faulty?.mend()
    await ready
    await signer.sign('EcdsaSha256', message)
    assert.match(provider.keyInfo(volatile).missing ?? '', /is gone from the token/u)
    await provider.close()
  })

  test('a general error of a healthy token costs the request alone, and no session object', async () => {
    const provider = await open()
    const signer = await generatePrivateKey(provider, key, 'ec-p256')
    faulty?.fail({ C_Sign: generalError })
    await assert.rejects(signer.sign('EcdsaSha256', message), { message: /CKR_GENERAL_ERROR/u })
    faulty?.mend()
    assert.deepEqual(provider.availability, { state: 'ready' })
    await signer.sign('EcdsaSha256', message)
    await provider.close()
  })

  test('a call that hangs past operation_timeout: lost and told as stuck, closed in time, back when it returns', async () => {
    const provider = await open({ operation_timeout: 300 })
    const signer = await generatePrivateKey(provider, key, 'ec-p256', persistent)
    const lost = stateOf(provider, 'lost')
    faulty?.fail({ C_Sign: 'hang' })
    const signatures = Array.from({ length: 100 }, () => signer.sign('EcdsaSha256', message))
    const outcomes = await Promise.allSettled(signatures)
    assert.ok(outcomes.every(({ status }) => status === 'rejected'))
    assert.match(reasonOf(await lost), /has not returned for 300 ms/u)
    assert.equal(stuckDeviceCalls().length, 1)
    const ready = stateOf(provider, 'ready')
    faulty?.mend()
    await ready
    assert.deepEqual(stuckDeviceCalls(), [])
    await signer.sign('EcdsaSha256', message)
    faulty?.fail({ C_Sign: 'hang' })
    await assert.rejects(signer.sign('EcdsaSha256', message), { statusName: 'PsaErrorCommunicationFailure' })
    await provider.close()
    assert.equal(stuckDeviceCalls().length, 1)
    faulty?.mend()
  })

  test('a key that is made after its caller was told of a failure is destroyed', async () => {
    const provider = await open({ operation_timeout: 100 })
    faulty?.fail({ C_GenerateKeyPair: 'hang' })
    const generate = provider.psaGenerateKey?.(key, signingKeyAttributes('ec-p256', 'persistent'))
    await assert.rejects(generate ?? Promise.resolve(), { statusName: 'PsaErrorCommunicationFailure' })
    const ready = stateOf(provider, 'ready')
    faulty?.mend()
    await ready
    assert.deepEqual(await provider.checkKeys?.(), { missing: [], orphans: [] })
    await provider.close()
  })

  test('slow, but within its time: everybody waits and nobody is lost', async () => {
    const provider = await open({ operation_timeout: 400 })
    const signer = await generatePrivateKey(provider, key, 'ec-p256')
    faulty?.fail({ C_Sign: 'sleep:150' })
    await Promise.all(Array.from({ length: 5 }, () => signer.sign('EcdsaSha256', message)))
    assert.deepEqual(provider.availability, { state: 'ready' })
    faulty?.mend()
    await provider.close()
  })
})

function stateOf(provider: Provider, state: Availability['state']): Promise<Availability> {
  return new Promise((resolve) => {
    const stop = provider.onAvailability((availability) => {
      if (availability.state !== state) return
      stop()
      resolve(availability)
    })
  })
}

function reasonOf(availability: Availability): string {
  return availability.state === 'lost' ? availability.reason : ''
}
