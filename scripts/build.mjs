// Builds what runs: the addon (cargo), the TypeScript (tsc), the files that lie beside the compiled code, and the
// bundle of the command line.
// `--no-addon` leaves the Rust part as it is.
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { bundleCommandLine } from './bundle.mjs'
import { buildPkcs11js } from './pkcs11js.mjs'
import { place } from './place.mjs'
import { root, runAsProgram, step } from './step.mjs'

const compiledFolders = ['native', 'workload-api', 'parsec-core', 'sidecar', 'test']

function addonSuffix() {
  if (process.platform !== 'linux') return `${process.platform}-${process.arch}`
  const libc = process.report.getReport().header.glibcVersionRuntime ? 'gnu' : 'musl'
  return `linux-${process.arch}-${libc}`
}

/** Where the built addon of this platform lies, relative to the root. */
export const addonPath = join('dist', 'native', `data-plane.${addonSuffix()}.node`)

export async function buildAddon() {
  await step('build the addon', 'cargo', ['build', '--release', '--locked', '--package', 'svidecar-data-plane'])
  const extension = process.platform === 'darwin' ? 'dylib' : 'so'
  place(join(root, 'target', 'release', `libsvidecar_data_plane.${extension}`), join(root, addonPath))
}

function filesBelow(folder, wanted) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && wanted.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
}

/** What tsc wrote for a source that is gone would still be found by imports and by the package. */
function removeOrphans() {
  for (const folder of compiledFolders) {
    for (const file of filesBelow(join(root, 'dist', folder), /\.(js|js\.map|d\.ts)$/)) {
      const source = join(root, relative(join(root, 'dist'), file)).replace(/\.(js|js\.map|d\.ts)$/, '.ts')
      if (!existsSync(source)) rmSync(file)
    }
  }
}

export async function buildTypeScript() {
  removeOrphans()
  for (const folder of compiledFolders) {
    for (const file of filesBelow(join(root, folder), /\.proto$/)) place(file, join(root, 'dist', relative(root, file)))
  }
  await buildPkcs11js()
  await step('compile the TypeScript', process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'])
  await bundleCommandLine()
}

await runAsProgram(import.meta.url, async () => {
  if (!process.argv.includes('--no-addon')) await buildAddon()
  await buildTypeScript()
})
