import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import {
  generatePrivateKey,
  importPrivateKey,
  opcodesOf,
  Opcode,
  signingKeyAttributes,
  signingKeyTypes,
  type OpcodeName,
} from '../../parsec-core/index.js'
import { assertSigns, assertSignsHashes, assertVerifies } from './assert-signs.js'
import { lifetimeContract } from './provider-lifetime.js'
import {
  assertStatus,
  hasStatus,
  identityOf,
  message,
  newKeyPair,
  openFixture,
  openWithKey,
  sign,
  tellGaps,
  type ProviderFixture,
} from './provider-fixture.js'

export { assertStatus, hasStatus, type ProviderFixture } from './provider-fixture.js'

/** The specification of a provider: every kind passes it, whatever its keys are made of. */
export function providerContract(fixture: ProviderFixture): void {
  describe(`provider ${fixture.name}`, { skip: fixture.skip ?? false }, () => {
    const { unsupported } = fixture
    const keyTypes = signingKeyTypes.filter((type) => !unsupported.keyTypes.includes(type))

    test('has exactly the operations its fixture does not declare as gaps', async (context) => {
      await using held = await openFixture(fixture)
      tellGaps(context, fixture)
      const expected = (Object.keys(Opcode) as OpcodeName[]).filter((name) => !unsupported.operations.includes(name))
      assert.deepEqual(
        [...opcodesOf(held.provider)].sort((a, b) => a - b),
        expected.map((name) => Opcode[name]).sort((a, b) => a - b),
      )
    })

    for (const type of keyTypes) {
      test(`generates ${type}, and node:crypto and openssl verify what it signs`, async () => {
        await using held = await openFixture(fixture)
        const key = identityOf(type)
        const signer = await generatePrivateKey(held.provider, key, type)
        assert.equal(signer.residency, fixture.residency.generated)
        await assertSigns(signer, type, unsupported.algorithms)
        await fixture.crossCheck?.(held.provider, key, signer.publicKey)
        await assertVerifies(held.provider, key, signer)
        await assertSignsHashes(held.provider, key, signer)
      })

      if (unsupported.imports?.includes(type)) continue
      test(`imports ${type}: the public key is that of the key given, and its signatures are that key's`, async () => {
        await using held = await openFixture(fixture)
        const { privateKey, publicKey } = newKeyPair(type)
        const signer = await importPrivateKey(held.provider, identityOf(type), privateKey)
        assert.ok(signer.publicKey.equals(publicKey))
        assert.equal(signer.residency, fixture.residency.imported)
        await assertSigns(signer, type, unsupported.algorithms)
        await fixture.crossCheck?.(held.provider, identityOf(type), publicKey)
      })
    }

    for (const type of unsupported.imports ?? []) {
      test(`refuses to import ${type}, which its device cannot`, async () => {
        await using held = await openFixture(fixture)
        const imported = importPrivateKey(held.provider, identityOf(type), newKeyPair(type).privateKey)
        await assertStatus(imported, 'PsaErrorNotSupported')
      })
    }

    for (const type of unsupported.keyTypes) {
      test(`refuses ${type}, which its device lacks`, async () => {
        await using held = await openFixture(fixture)
        const generate = held.provider.psaGenerateKey?.(identityOf(type), signingKeyAttributes(type))
        await assertStatus(generate, 'PsaErrorNotSupported')
      })
    }

    policyContract(fixture)
    namingContract(fixture)
    importContract(fixture)
    lifetimeContract(fixture)
  })
}

function policyContract(fixture: ProviderFixture): void {
  const key = identityOf('policy')

  test('refuses to sign with an algorithm the policy does not permit', async () => {
    await using held = await openWithKey(fixture, key, signingKeyAttributes('ec-p256'))
    await assertStatus(sign(held.provider, key, 'EcdsaSha384'), 'PsaErrorNotPermitted')
  })

  test('refuses to sign with a key that may only verify', async () => {
    const attributes = { ...signingKeyAttributes('ec-p256'), usageFlags: ['verifyHash'] as const }
    await using held = await openWithKey(fixture, key, attributes)
    await assertStatus(sign(held.provider, key, 'EcdsaSha256'), 'PsaErrorNotPermitted')
  })

  test('lets a key that may sign hashes sign messages, and not the other way round', async (context) => {
    const both = { ...signingKeyAttributes('ec-p256'), usageFlags: ['signHash'] as const }
    await using hashes = await openWithKey(fixture, key, both)
    if (hashes.provider.psaSignMessage) await hashes.provider.psaSignMessage(key, 'EcdsaSha256', message)
    else context.diagnostic('has no PsaSignMessage')
    const messages = { ...signingKeyAttributes('ec-p256'), usageFlags: ['signMessage'] as const }
    await using only = await openWithKey(fixture, key, messages)
    const hash = createHash('sha256').update(message).digest()
    if (only.provider.psaSignHash) {
      await assertStatus(only.provider.psaSignHash(key, 'EcdsaSha256', hash), 'PsaErrorNotPermitted')
    } else context.diagnostic('has no PsaSignHash')
  })

  test('refuses a hash of another length than the algorithm has', async (context) => {
    await using held = await openWithKey(fixture, key, signingKeyAttributes('ec-p256'))
    if (!held.provider.psaSignHash) return context.diagnostic('has no PsaSignHash')
    await assertStatus(held.provider.psaSignHash(key, 'EcdsaSha256', Buffer.alloc(31)), 'PsaErrorInvalidArgument')
  })

  test('does not export a private key whose usage flags lack "export"', async (context) => {
    await using held = await openWithKey(fixture, key, signingKeyAttributes('ec-p256'))
    if (!held.provider.psaExportKey) return context.diagnostic('has no PsaExportKey')
    await assertStatus(held.provider.psaExportKey(key), 'PsaErrorNotPermitted')
  })
}

function namingContract(fixture: ProviderFixture): void {
  const key = identityOf('name')
  const attributes = signingKeyAttributes('ec-p256')

  test('refuses a second key of the same name, and of two made at once one', async () => {
    await using held = await openFixture(fixture)
    const made = await Promise.allSettled([
      held.provider.psaGenerateKey?.(key, attributes),
      held.provider.psaGenerateKey?.(key, attributes),
    ])
    assert.deepEqual(made.map((one) => one.status).sort(), ['fulfilled', 'rejected'])
    await assertStatus(held.provider.psaGenerateKey?.(key, attributes), 'PsaErrorAlreadyExists')
  })

  test('keeps the keys of two applications apart, whatever their names', async () => {
    await using held = await openFixture(fixture)
    const one = await generatePrivateKey(held.provider, { applicationIdentity: 'a', keyName: 'b/c' }, 'ec-p256')
    const other = await generatePrivateKey(held.provider, { applicationIdentity: 'a/b', keyName: 'c' }, 'ec-p256')
    assert.ok(!one.publicKey.equals(other.publicKey))
  })

  test('lists its keys with attributes, origin and residency', async () => {
    await using held = await openWithKey(fixture, key, attributes)
    assert.deepEqual(held.provider.listKeys(), [
      { identity: key, attributes, origin: 'generated', residency: fixture.residency.generated },
    ])
  })

  test('knows a destroyed key no longer, and gives its name away again', async () => {
    await using held = await openWithKey(fixture, key, attributes)
    await held.provider.psaDestroyKey?.(key)
    await assertStatus(sign(held.provider, key, 'EcdsaSha256'), 'PsaErrorDoesNotExist')
    assert.throws(() => held.provider.keyInfo(key), hasStatus('PsaErrorDoesNotExist'))
    await assertStatus(held.provider.psaDestroyKey?.(key), 'PsaErrorDoesNotExist')
    await held.provider.psaGenerateKey?.(key, attributes)
  })

  test('holds nothing and makes nothing once it is closed', async () => {
    const provider = await fixture.open()
    await provider.psaGenerateKey?.(key, attributes)
    await provider.close()
    await provider.close()
    assert.deepEqual(provider.listKeys(), [])
    assert.throws(() => provider.keyInfo(key), hasStatus('PsaErrorBadState'))
    await assertStatus(provider.psaGenerateKey?.(key, attributes), 'PsaErrorBadState')
  })

  test('refuses an empty name and one of more than 1024 bytes', async () => {
    await using held = await openFixture(fixture)
    for (const keyName of ['', 'ä'.repeat(513)]) {
      const generate = held.provider.psaGenerateKey?.({ applicationIdentity: 'a', keyName }, attributes)
      await assertStatus(generate, 'PsaErrorInvalidArgument')
    }
  })
}

function importContract(fixture: ProviderFixture): void {
  test('refuses an import of no bytes, garbage, or a key of another size', async (context) => {
    await using held = await openFixture(fixture)
    if (!held.provider.psaImportKey) return context.diagnostic('has no PsaImportKey')
    for (const type of ['ec-p256', 'rsa-2048'] as const) {
      for (const data of [Buffer.alloc(0), Buffer.alloc(32), Buffer.alloc(31, 1), Buffer.alloc(48, 1)]) {
        const imported = held.provider.psaImportKey(identityOf('bad'), signingKeyAttributes(type), data)
        await assertStatus(imported, 'PsaErrorInvalidArgument')
      }
    }
    assert.deepEqual(held.provider.listKeys(), [])
  })

  test('leaves the bytes of an imported key to its caller, unchanged', async (context) => {
    await using held = await openFixture(fixture)
    if (!held.provider.psaImportKey) return context.diagnostic('has no PsaImportKey')
    const data = Buffer.alloc(32, 7)
    await held.provider.psaImportKey(identityOf('mine'), signingKeyAttributes('ec-p256'), data)
    assert.deepEqual(data, Buffer.alloc(32, 7))
  })

  test('gives random bytes, as many as asked, and refuses a size that is none', async (context) => {
    await using held = await openFixture(fixture)
    if (!held.provider.psaGenerateRandom) return context.diagnostic('has no PsaGenerateRandom')
    assert.equal((await held.provider.psaGenerateRandom(1000)).length, 1000)
    assert.notDeepEqual(await held.provider.psaGenerateRandom(32), await held.provider.psaGenerateRandom(32))
    for (const size of [-1, 0.5, 1e9]) {
      await assertStatus(held.provider.psaGenerateRandom(size), 'PsaErrorInvalidArgument')
    }
  })
}
