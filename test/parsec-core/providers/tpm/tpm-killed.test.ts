import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { generatePrivateKey } from '../../../../parsec-core/index.js'
import { Swtpm, swtpmMissing } from '../../../devices/swtpm.js'
import { repositoryRoot } from '../../../repository-root.js'
import { key, message, openTpm } from './open-tpm.js'

const program = join(repositoryRoot, 'dist/test/parsec-core/providers/tpm/signing-program.js')
/** Root, the two keys that stay loaded, the session. */
const mostHandles = 4

/** A process that signs with the TPM, once it does. */
async function signingProcess(tcti: string, timeoutMs = 5_000) {
  const child = spawn(process.execPath, [program, tcti, String(timeoutMs)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const ended = once(child, 'exit')
  assert.deepEqual(await once(lines, 'line'), ['ready'])
  return { child, ended, lines }
}

describe('a process with a TPM', { skip: swtpmMissing ?? false, timeout: 120_000 }, () => {
  test('killed fifty times: handles and sessions never fill the TPM', async () => {
    await using tpm = await Swtpm.start()
    for (let count = 0; count < 50; count += 1) {
      const { child, ended } = await signingProcess(tpm.protectedTcti)
      await pause(Math.random() * 20)
      child.kill('SIGKILL')
      await ended
    }
    const provider = await openTpm({ tcti: tpm.protectedTcti })
    const signer = await generatePrivateKey(provider, key, 'ec-p256')
    await signer.sign('EcdsaSha256', message)
    assert.ok(tpm.loadedHandles().length <= mostHandles, tpm.loadedHandles().join(', '))
    await provider.close()
    assert.deepEqual(tpm.loadedHandles(), [])
  })

  test('ended without closing it: leaves nothing in the TPM', async () => {
    await using tpm = await Swtpm.start()
    const code = `
      import { openProvider, generatePrivateKey } from ${JSON.stringify(join(repositoryRoot, 'dist/parsec-core/index.js'))}
      const provider = await openProvider({ name: 'tpm', type: 'Tpm', settings: { tcti: '${tpm.protectedTcti}' } })
      await generatePrivateKey(provider, { applicationIdentity: 'a', keyName: 'b' }, 'ec-p256')
      process.exit(7)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'inherit' })
    assert.deepEqual(await once(child, 'exit'), [7, null])
    assert.deepEqual(tpm.loadedHandles(), [])
  })

  test('whose TPM hangs for good: ends by itself', async () => {
    await using tpm = await Swtpm.start()
    const { ended, lines } = await signingProcess(tpm.tcti, 2_000)
    const failed = once(lines, 'line')
    tpm.suspend()
    assert.deepEqual(await failed, ['failed'])
    assert.deepEqual(await ended, [0, null])
  })
})
