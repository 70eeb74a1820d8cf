import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { DemoDevice } from './demo-keys.js'
import { requireProgram } from './require-program.js'

const run = promisify(execFile)
const tokenLabel = 'svidecar-demo'

/** Where distributions have SoftHSM's module. */
const modulePaths = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm.so',
  '/usr/lib/pkcs11/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
]

/** One token of SoftHSM in the demo's folder, used by both sidecars. Throws when SoftHSM is not installed. */
export async function startSoftHsm(folder: string): Promise<DemoDevice> {
  const module = modulePaths.find((path) => existsSync(path))
  if (module === undefined) throw new Error('SoftHSM is not installed (softhsm2)')
  requireProgram('softhsm2-util', 'softhsm2')
  const tokens = join(folder, 'tokens')
  const config = join(folder, 'softhsm2.conf')
  await mkdir(tokens, { mode: 0o700 })
  await writeFile(config, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`)
  // The module reads it when it is loaded, here and in the sidecars, which inherit it.
  process.env['SOFTHSM2_CONF'] = config
  const pin = randomInt(100_000_000).toString().padStart(8, '0')
  const pinFile = join(folder, 'pin')
  await writeFile(pinFile, pin, { mode: 0o600 })
  await run('softhsm2-util', ['--init-token', '--free', '--label', tokenLabel, '--pin', pin, '--so-pin', pin])
  return {
    description: `Pkcs11: a token of SoftHSM, ${module}`,
    residency: 'generated in Pkcs11',
    settingsOf: (side) => ({
      type: 'Pkcs11',
      module,
      token_label: tokenLabel,
      user_pin_file: pinFile,
      key_store_dir: join(folder, `${side}-keys`),
    }),
    close: async () => undefined,
  }
}
