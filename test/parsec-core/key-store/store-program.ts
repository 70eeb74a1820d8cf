import { ParsecError } from '../../../parsec-core/index.js'
import { openKeyStore } from '../../../parsec-core/key-store/open-key-store.js'

// Holds the key store of a directory until its standard input ends, and says what came of opening it.
const [, , directory] = process.argv
try {
  const store = await openKeyStore({ directory: directory ?? '', providerType: 'Tpm' })
  process.stdout.write('open\n')
  await process.stdin.resume().toArray()
  await store.close()
} catch (error) {
  if (!(error instanceof ParsecError)) throw error
  process.stdout.write(`${error.statusName}: ${error.message}\n`)
}
