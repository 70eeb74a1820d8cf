import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageVersion, platformSuffix } from './loader.js'
import type { TpmBinding } from './tpm-binding.js'
import { TpmError } from './tpm-error.js'

const require = createRequire(import.meta.url)
/** `native`, or the folder of the command line's bundle that lies beside it. */
const here = fileURLToPath(new URL('.', import.meta.url))

const packages =
  'install libtss2 (on Debian and Ubuntu "apt-get install libtss2-dev", which brings its libraries and plugins)'

function explain(error: unknown, file: string): TpmError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'MODULE_NOT_FOUND') {
    const message = `the TPM's addon is not built: "${file}" is missing; ${packages}, then run "npm run build"`
    return new TpmError('ERR_TPM_NOT_BUILT', message, { cause: error })
  }
  const detail = error instanceof Error ? error.message : String(error)
  const message = `the TPM's addon cannot be loaded: ${detail}; ${packages}`
  return new TpmError('ERR_TPM_NOT_LOADABLE', message, { cause: error })
}

function load(): TpmBinding {
  // libtss2 prints every refused command on stderr; errors come to whoever asked, and are logged once, by us.
  process.env['TSS2_LOG'] ??= 'all+NONE'
  const file = join(here, '..', 'native', `tpm.${platformSuffix()}.node`)
  let loaded: TpmBinding
  try {
    loaded = require(file) as TpmBinding
  } catch (error) {
    throw explain(error, file)
  }
  const [addon, wanted] = [loaded.version(), packageVersion]
  if (addon !== wanted) {
    const message = `the TPM's addon has version ${addon}, the package ${wanted}; build it with "npm run build"`
    throw new TpmError('ERR_TPM_VERSION', message)
  }
  return loaded
}

let binding: TpmBinding | undefined

/** The addon, loaded at the first call: only who has a TPM needs libtss2. Throws `TpmError`. */
export function tpmAddon(): TpmBinding {
  binding ??= load()
  return binding
}
