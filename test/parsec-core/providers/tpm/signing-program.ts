import { writeSync } from 'node:fs'
import { generatePrivateKey } from '../../../../parsec-core/index.js'
import { openTpm } from './open-tpm.js'

/** Uses the TPM named on the command line until it is killed: makes keys and signs, in protected sessions. */
const [tcti = '', timeoutMs = '5000'] = process.argv.slice(2)
const provider = await openTpm({ tcti, operation_timeout: Number(timeoutMs) })
const sign = async (name: string) => {
  const signer = await generatePrivateKey(provider, { applicationIdentity: 'test', keyName: name }, 'ec-p256')
  return signer.sign('EcdsaSha256', Buffer.from('a message'))
}
await sign('first')
writeSync(1, 'ready\n')
for (let count = 0; ; count += 1) {
  try {
    await sign(String(count))
  } catch {
    // Not closed: a process that has nothing else to do ends, whatever its TPM does.
    writeSync(1, 'failed\n')
    break
  }
}
