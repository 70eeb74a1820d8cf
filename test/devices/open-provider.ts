import { openProvider, ParsecError, type ProviderSettings } from '../../parsec-core/index.js'

/** Opens a provider and closes it, as a process that is restarted does: `TYPE SETTINGS-AS-JSON`. Prints what happened. */
const [, , type = '', settings = '{}'] = process.argv
try {
  const provider = await openProvider({ name: 'restarted', type, settings: JSON.parse(settings) as ProviderSettings })
  await provider.close()
  console.log('opened')
} catch (error) {
  if (!(error instanceof ParsecError)) throw error
  console.log(`${error.statusName}: ${error.message}`)
}
