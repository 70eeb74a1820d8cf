import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  generatePrivateKey,
  importPrivateKey,
  openSigner,
  signingKeyAttributes,
  type KeyInfo,
} from '../../parsec-core/index.js'
import { assertSigns } from './assert-signs.js'
import {
  assertStatus,
  identityOf,
  newKeyPair,
  openFixture,
  openWithKey,
  type ProviderFixture,
} from './provider-fixture.js'

/** How long keys live: volatile ones as long as their provider, persistent ones until they are destroyed. */
export function lifetimeContract(fixture: ProviderFixture): void {
  const key = identityOf('lifetime')
  const persistent = signingKeyAttributes('ec-p256', 'persistent')

  test('is ready as soon as it is open, and misses none of its keys', async () => {
    await using held = await openWithKey(fixture, key, signingKeyAttributes('ec-p256'))
    assert.deepEqual(held.provider.availability, { state: 'ready' })
    assert.deepEqual(await held.provider.checkKeys?.(), { missing: [], orphans: [] })
  })

  const { openPlace } = fixture
  if (openPlace === undefined) {
    test('refuses a persistent key, since it has no key store', async () => {
      await using held = await openFixture(fixture)
      assert.equal(held.provider.storesKeys, false)
      await assertStatus(held.provider.psaGenerateKey?.(key, persistent), 'PsaErrorNotSupported')
    })
    return
  }

  test('has a persistent key again after it was closed, generated or imported, and a volatile one not', async () => {
    const place = await openPlace()
    const first = await place.open()
    assert.ok(first.storesKeys)
    const { privateKey, publicKey } = newKeyPair('ec-p256')
    const generated = await generatePrivateKey(first, key, 'ec-p256', { lifetime: 'persistent' })
    await importPrivateKey(first, identityOf('imported'), privateKey, { lifetime: 'persistent' })
    await generatePrivateKey(first, identityOf('volatile'), 'ec-p256')
    const before = first.listKeys().filter(({ identity }) => identity.keyName !== 'volatile')
    await first.close()
    const again = await place.open()
    assert.deepEqual(sortedByName(again.listKeys()), sortedByName(before))
    for (const [name, expected] of [
      ['lifetime', generated.publicKey],
      ['imported', publicKey],
    ] as const) {
      const signer = await openSigner(again, identityOf(name))
      assert.ok(signer.publicKey.equals(expected))
      await assertSigns(signer, 'ec-p256', [])
    }
    assert.deepEqual(await again.checkKeys?.(), { missing: [], orphans: [] })
    await again.close()
  })

  test('has a destroyed persistent key no more after it was closed, on the device neither', async () => {
    const place = await openPlace()
    const first = await place.open()
    await first.psaGenerateKey?.(key, persistent)
    await first.psaDestroyKey?.(key)
    await first.close()
    const again = await place.open()
    assert.deepEqual(again.listKeys(), [])
    assert.deepEqual(await again.checkKeys?.(), { missing: [], orphans: [] })
    await again.close()
  })
}

function sortedByName(keys: readonly KeyInfo[]): readonly KeyInfo[] {
  return keys.toSorted((one, other) => one.identity.keyName.localeCompare(other.identity.keyName))
}
