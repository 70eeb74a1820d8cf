import { writeSync } from 'node:fs'
import { generatePrivateKey, openProvider } from '../../../parsec-core/index.js'

// Makes one persistent key after the other in the provider the arguments name, and says before and after each. The
// lines are written at once: what was said before a SIGKILL is true.
const [, , type, settings, first] = process.argv
const provider = await openProvider({ name: 'killed', type: type ?? '', settings: JSON.parse(settings ?? '{}') })
for (let number = Number(first); ; number += 1) {
  const key = { applicationIdentity: 'killed', keyName: `key-${number}` }
  writeSync(1, `making ${key.keyName}\n`)
  await generatePrivateKey(provider, key, 'ec-p256', { lifetime: 'persistent' })
  writeSync(1, `made ${key.keyName}\n`)
}
