import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { dirname, join } from 'node:path'
import type { Binding } from './binding.js'
import { NativeError } from './errors.js'

const require = createRequire(import.meta.url)
/** `native`, or the folder of the command line's bundle that lies beside it. */
const here = dirname(fileURLToPath(import.meta.url))

/** The part of the process report that tells glibc from musl. */
interface ReportHeader {
  readonly header: { readonly glibcVersionRuntime?: string }
}

/** The platform part of the addon's file name: what napi-rs and the packages built with it use. */
export function platformSuffix(): string {
  if (process.platform !== 'linux') return `${process.platform}-${process.arch}`
  const report = process.report.getReport() as unknown as ReportHeader
  return `linux-${process.arch}-${report.header.glibcVersionRuntime === undefined ? 'musl' : 'gnu'}`
}

function explain(error: unknown, file: string): NativeError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'MODULE_NOT_FOUND') {
    const message = `the data plane's addon is not built: "${file}" is missing; build it with "npm run build"`
    return new NativeError('ERR_NATIVE_NOT_BUILT', message, { cause: error })
  }
  const detail = error instanceof Error ? error.message : String(error)
  const message = `the data plane's addon cannot be loaded: ${detail}; it is made for ${platformSuffix()}`
  return new NativeError('ERR_NATIVE_NOT_LOADABLE', message, { cause: error })
}

/** The package's version, and so the addon's. */
export const packageVersion = (require('../../package.json') as { readonly version: string }).version

function load(): Binding {
  const file = join(here, '..', 'native', `data-plane.${platformSuffix()}.node`)
  let loaded: Binding
  try {
    loaded = require(file) as Binding
  } catch (error) {
    throw explain(error, file)
  }
  const [addon, wanted] = [loaded.version(), packageVersion]
  if (addon !== wanted) {
    const message = `the data plane's addon has version ${addon}, the package ${wanted}; build it with "npm run build"`
    throw new NativeError('ERR_NATIVE_VERSION', message)
  }
  return loaded
}

let binding: Binding | undefined

/** The addon, loaded at the first call: importing this module never throws. */
export function addon(): Binding {
  binding ??= load()
  return binding
}
