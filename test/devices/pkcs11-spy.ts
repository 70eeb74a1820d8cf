import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** OpenSC's module that writes down each call of another one: PKCS11SPY names that, PKCS11SPY_OUTPUT the file. */
export function pkcs11SpyModule(): string {
  const folders = ['/usr/lib', ...readdirSync('/usr/lib').map((name) => join('/usr/lib', name)), '/usr/lib64']
  const found = folders.map((folder) => join(folder, 'pkcs11-spy.so')).find((path) => existsSync(path))
  if (found === undefined) throw new Error('pkcs11-spy.so of OpenSC is not installed')
  return found
}
