// Before `npm pack`: builds what the package carries and makes the bundled packages fit to ship.
// The package holds its dependencies and this platform's addon, so that installing it needs no network, no compiler
// and runs no program.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { buildPkcs11js } from './pkcs11js.mjs'
import { setup } from './setup.mjs'
import { root, runAsProgram, StepFailed } from './step.mjs'

/** What npm runs of a dependency at an install. */
const lifecycle = ['preinstall', 'install', 'postinstall']

/** Folders of the packages that npm bundles, as the lockfile that they were installed from names them. */
function bundledFolders() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  return Object.keys(packages)
    .filter((folder) => packages[folder].inBundle)
    .map((folder) => join(root, folder))
    .filter((folder) => existsSync(folder))
}

/** Removes install scripts from a bundled package's own description; the package works the same without. */
function removeInstallScripts(folder) {
  const path = join(folder, 'package.json')
  const description = JSON.parse(readFileSync(path, 'utf8'))
  const present = lifecycle.filter((name) => description.scripts?.[name] !== undefined)
  if (present.length === 0) return
  for (const name of present) delete description.scripts[name]
  writeFileSync(`${path}.new`, `${JSON.stringify(description, null, 2)}\n`)
  renameSync(`${path}.new`, path)
  console.error(`  without its install script: ${relative(root, folder)} (${present.join(', ')})`)
}

/** A binding.gyp without scripts makes npm run node-gyp; a package that needs compiling cannot be bundled as it is. */
function refuseNativeSources(folder) {
  if (!existsSync(join(folder, 'binding.gyp'))) return
  throw new StepFailed(`${relative(root, folder)} compiles itself when installed; ship its built addon instead`)
}

await runAsProgram(import.meta.url, async () => {
  await setup()
  await buildPkcs11js({ required: true })
  for (const folder of bundledFolders()) {
    refuseNativeSources(folder)
    removeInstallScripts(folder)
  }
})
