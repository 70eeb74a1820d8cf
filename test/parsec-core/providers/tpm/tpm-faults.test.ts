import assert from 'node:assert/strict'
import { verify } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { generatePrivateKey, type Provider } from '../../../../parsec-core/index.js'
import { assertStatus, hasStatus } from '../../../contract/provider.js'
import { Swtpm, swtpmMissing } from '../../../devices/swtpm.js'
import { key, message, openTpm, untilState } from './open-tpm.js'

const ready = { state: 'ready' } as const
/** Long enough for a loaded machine, short enough to wait for. */
const timeoutMs = 2_000

async function sign(provider: Provider) {
  const signature = await provider.psaSignMessage?.(key, 'EcdsaSha256', message)
  assert.ok(signature)
  return signature
}

/** Threads of the addon, by their names. */
function tpmThreads(): readonly string[] {
  return readdirSync('/proc/self/task')
    .map((id) => readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim())
    .filter((name) => name.startsWith('svidecar-tpm'))
}

async function started() {
  const tpm = await Swtpm.start()
  const settings = { tcti: tpm.tcti, operation_timeout: timeoutMs, key_store_dir: tpm.keyStore() }
  return { tpm, settings, [Symbol.asyncDispose]: () => tpm.remove() }
}

describe('a TPM in trouble', { skip: swtpmMissing ?? false, timeout: 60_000 }, () => {
  test('swtpm stopped with operations outstanding: they end in time, threads are bounded, and it recovers', async () => {
    await using held = await started()
    await using provider = await openTpm(held.settings)
    await generatePrivateKey(provider, key, 'ec-p256')
    const threads = tpmThreads()
    held.tpm.suspend()
    const begun = performance.now()
    const outcomes = await Promise.allSettled(Array.from({ length: 500 }, () => sign(provider)))
    assert.ok(performance.now() - begun < 4 * timeoutMs, 'every operation ended by its own time limit')
    for (const outcome of outcomes) {
      assert.ok(outcome.status === 'rejected' && hasStatus('PsaErrorCommunicationFailure')(outcome.reason))
    }
    assert.equal(provider.availability.state, 'lost')
    await assertStatus(sign(provider), 'PsaErrorCommunicationFailure')
    assert.deepEqual(tpmThreads(), threads)
    held.tpm.resume()
    await untilState(provider, 'ready')
    assert.ok(await sign(provider))
    assert.deepEqual(tpmThreads(), threads)
  })

  test('swtpm killed and started again: operations fail with the reason, and recover without a restart', async () => {
    await using held = await started()
    await using provider = await openTpm(held.settings)
    const signer = await generatePrivateKey(provider, key, 'ec-p256')
    await held.tpm.kill()
    await assertStatus(sign(provider), 'PsaErrorCommunicationFailure')
    const { availability } = provider
    assert.ok(availability.state === 'lost')
    assert.match(availability.reason, /does not answer/u)
    await held.tpm.start()
    await untilState(provider, 'ready')
    assert.ok(verify('sha256', message, signer.publicKey, await signer.sign('EcdsaSha256', message)))
    assert.deepEqual(await provider.checkKeys?.(), { missing: [], orphans: [] })
  })

  test('swtpm started anew between two operations: neither fails', async () => {
    await using held = await started()
    await using provider = await openTpm({ ...held.settings, tcti: held.tpm.protectedTcti })
    const signer = await generatePrivateKey(provider, key, 'ec-p256')
    await held.tpm.kill()
    await held.tpm.start()
    assert.ok(verify('sha256', message, signer.publicKey, await signer.sign('EcdsaSha256', message)))
    assert.deepEqual(provider.availability, ready)
  })

  test('handles flushed by another client of the TPM: the next operation loads them again', async () => {
    await using held = await started()
    await using provider = await openTpm(held.settings)
    await generatePrivateKey(provider, key, 'ec-p256')
    held.tpm.flush()
    assert.ok(await sign(provider))
  })

  for (const protectedSessions of [false, true]) {
    const way = protectedSessions ? 'with protected sessions' : 'on this machine'
    test(`swtpm cleared ${way}: its keys are missing for that reason, and new ones are made at once`, async () => {
      await using held = await started()
      const tcti = protectedSessions ? held.tpm.protectedTcti : held.tpm.tcti
      await using provider = await openTpm({ ...held.settings, tcti })
      const signer = await generatePrivateKey(provider, key, 'ec-p256', { lifetime: 'persistent' })
      const other = { ...key, keyName: 'two' }
      await generatePrivateKey(provider, other, 'ec-p256')
      held.tpm.clear()
      await assertStatus(sign(provider), 'PsaErrorDoesNotExist')
      await untilState(provider, 'ready')
      const reasons = provider.listKeys().map(({ missing }) => missing)
      assert.equal(reasons.length, 2)
      for (const reason of reasons) assert.match(reason ?? '', /cleared or replaced/u)
      assert.match(signer.gone?.() ?? '', /cleared or replaced/u)
      await generatePrivateKey(provider, { ...key, keyName: 'three' }, 'ec-p256')
    })
  }

  test('swtpm replaced: its keys are missing for that reason, and are there again when it is back', async () => {
    await using held = await started()
    const provider = await openTpm(held.settings)
    const signer = await generatePrivateKey(provider, key, 'ec-p256', { lifetime: 'persistent' })
    await held.tpm.replace()
    await assertStatus(sign(provider), 'PsaErrorDoesNotExist')
    await untilState(provider, 'ready')
    assert.match(provider.keyInfo(key).missing ?? '', /cleared or replaced/u)
    await provider.close()
    await using again = await openTpm(held.settings)
    assert.match(again.keyInfo(key).missing ?? '', /cleared or replaced/u)
    await generatePrivateKey(again, { ...key, keyName: 'two' }, 'ec-p256')
    await held.tpm.replace(0)
    await again.checkKeys?.()
    await untilState(again, 'ready')
    assert.equal(again.keyInfo(key).missing, undefined)
    const signature = await again.psaSignMessage?.(key, 'EcdsaSha256', message)
    const publicKey = { key: signer.publicKey, dsaEncoding: 'ieee-p1363' } as const
    assert.ok(signature && verify('sha256', message, publicKey, signature))
  })

  test('no TPM there: the provider does not open, and says what to look at', async () => {
    const tpm = await Swtpm.start()
    await tpm.remove()
    await assert.rejects(openTpm({ tcti: tpm.tcti }), /does not answer.*may this user open it/u)
  })

  test('a TPM without resource manager is used by one process, or by one set of settings, at a time', async () => {
    await using held = await started()
    await using provider = await openTpm(held.settings)
    await assert.rejects(openTpm({ tcti: held.tpm.tcti, operation_timeout: timeoutMs + 1 }), /uses this TPM/u)
    await using second = await openTpm({ tcti: held.tpm.tcti, operation_timeout: timeoutMs })
    await generatePrivateKey(second, key, 'ec-p256')
    await generatePrivateKey(provider, key, 'ec-p256')
    await second.close()
    assert.ok(await sign(provider))
  })
})
