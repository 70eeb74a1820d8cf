import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { generatePrivateKey } from '../../../../parsec-core/index.js'
import { hasStatus } from '../../../contract/provider.js'
import { Swtpm, swtpmMissing } from '../../../devices/swtpm.js'
import { key, message, openTpm } from './open-tpm.js'

async function withOwnerAuth(secret: string) {
  const tpm = await Swtpm.start()
  tpm.tool('tpm2_changeauth', ['-c', 'owner', secret])
  const settings = (text: string) => ({
    owner_auth_file: join(tpm.folder, tpm.file('owner-auth', `${text}\n`)),
    key_store_dir: store,
    tcti: tpm.protectedTcti,
  })
  const store = tpm.keyStore()
  return { tpm, store, settings, [Symbol.asyncDispose]: () => tpm.remove() }
}

describe("the owner hierarchy's authorization", { skip: swtpmMissing ?? false, timeout: 60_000 }, () => {
  test('from a file lets the provider open, and its keys sign', async () => {
    await using held = await withOwnerAuth('a secret')
    await using provider = await openTpm(held.settings('a secret'))
    const signer = await generatePrivateKey(provider, key, 'ec-p256')
    assert.ok(await signer.sign('EcdsaSha256', message))
  })

  test('is needed where the hierarchy has one', async () => {
    await using held = await withOwnerAuth('a secret')
    await assert.rejects(openTpm({ tcti: held.tpm.tcti }), hasStatus('PsaErrorNotPermitted'))
  })

  test('that was refused is tried once, however often the process is started, until it changes', async () => {
    await using held = await withOwnerAuth('a secret')
    const wrong = held.settings('another secret')
    await assert.rejects(openTpm(wrong), /is the owner authorization right/u)
    // Right by now, and still not tried: nobody asks the TPM.
    held.tpm.tool('tpm2_changeauth', ['-c', 'owner', '-p', 'a secret', 'another secret'])
    for (let restart = 0; restart < 10; restart += 1) {
      await assert.rejects(openTpm(wrong), (error: Error) => {
        assert.ok(hasStatus('PsaErrorNotPermitted')(error))
        assert.match(error.message, /not tried again until it changes/u)
        return true
      })
    }
    assert.doesNotMatch(readFileSync(join(held.store, 'refused-secrets.json'), 'utf8'), /another secret/u)
    held.tpm.tool('tpm2_changeauth', ['-c', 'owner', '-p', 'another secret', 'a third one'])
    await using provider = await openTpm(held.settings('a third one'))
    assert.deepEqual(provider.availability, { state: 'ready' })
  })
})
