// pkcs11js ships no binary and would compile itself at each install. It is built here once; its addon, code and licence
// are placed beside what uses them, so that the package carries them and installing it needs no compiler.
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { place } from './place.mjs'
import { root, step, StepFailed } from './step.mjs'

const source = join(root, 'node_modules', 'pkcs11js')
const addon = join('build', 'Release', 'pkcs11.node')
/** What the addon was built from: a newer source must not go with an older binary. */
const stamp = join(source, 'build', 'built-from')

/** Where it runs from, relative to the root. */
export const pkcs11jsPath = join('dist', 'parsec-core', 'providers', 'pkcs11', 'pkcs11js')

/** `.cjs`, since the package around it is one of modules. */
const shipped = { 'index.js': 'index.cjs', LICENSE: 'LICENSE', [addon]: addon }

/** npm brings node-gyp along; as a dependency it would be a hundred packages for three files of C++. */
function findNodeGyp() {
  const folders = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'npm'))
  for (const npm of [process.env.npm_execpath, ...folders]) {
    if (!npm || !existsSync(npm)) continue
    try {
      return createRequire(realpathSync(npm)).resolve('node-gyp/bin/node-gyp.js')
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND') throw error
    }
  }
  throw new StepFailed('this npm brings no node-gyp')
}

/** Node's own headers where they are installed; without them node-gyp fetches those of this version. */
function headerOptions() {
  const prefix = dirname(dirname(realpathSync(process.execPath)))
  return existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : []
}

function versionWanted() {
  const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'))
  return `${version} ${process.platform}-${process.arch}`
}

async function compile() {
  const wanted = versionWanted()
  const current = existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted
  if (current && existsSync(join(source, addon))) return
  const args = [findNodeGyp(), 'rebuild', '--silent', ...headerOptions()]
  await step('build pkcs11js', process.execPath, args, { cwd: source })
  writeFileSync(stamp, wanted)
}

/**
 * Builds pkcs11js when it is not built yet. Only keys in PKCS#11 tokens need it, so a host that cannot build it gets
 * everything else and is told; `required: true`, for a package to ship, makes that a failure. Throws StepFailed.
 */
export async function buildPkcs11js({ required = false } = {}) {
  try {
    await compile()
  } catch (error) {
    if (required || !(error instanceof StepFailed)) throw error
    console.error(`${error.message}\n  without pkcs11js there are no keys in PKCS#11 tokens; all else works`)
    return
  }
  for (const [from, to] of Object.entries(shipped)) place(join(source, from), join(root, pkcs11jsPath, to))
}
