// Builds what runs: the addon (cargo), the TypeScript (tsc), the files that lie beside the compiled code, and the
// bundle of the command line.
// `--no-addon` leaves the Rust part as it is.
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { bundleCommandLine } from './bundle.mjs'
import { buildPkcs11js } from './pkcs11js.mjs'
import { place } from './place.mjs'
import { root, runAsProgram, step } from './step.mjs'
import { hasTss2, tpmFeatures } from './tss2.mjs'

const compiledFolders = ['native', 'workload-api', 'parsec-core', 'sidecar', 'test']

function addonSuffix() {
  if (process.platform !== 'linux') return `${process.platform}-${process.arch}`
  const libc = process.report.getReport().header.glibcVersionRuntime ? 'gnu' : 'musl'
  return `linux-${process.arch}-${libc}`
}

/** Where the built addons of this platform lie, relative to the root. */
export const addonPath = join('dist', 'native', `data-plane.${addonSuffix()}.node`)
export const tpmAddonPath = join('dist', 'native', `tpm.${addonSuffix()}.node`)

function placeAddon(crate, path) {
  const extension = process.platform === 'darwin' ? 'dylib' : 'so'
  place(join(root, 'target', 'release', `lib${crate}.${extension}`), join(root, path))
}

/** The data plane, and the TPM's addon where libtss2 is: one run of cargo, so that both share what they depend on. */
export async function buildAddon() {
  const packages = ['--package', 'svidecar-data-plane', ...(hasTss2() ? ['--package', 'svidecar-tpm'] : [])]
  await step('build the addon', 'cargo', ['build', '--release', '--locked', ...packages, ...tpmFeatures()])
  placeAddon('svidecar_data_plane', addonPath)
  if (hasTss2()) placeAddon('svidecar_tpm', tpmAddonPath)
  // One of an earlier version would be refused with a reason that is not the true one.
  else rmSync(join(root, tpmAddonPath), { force: true })
}

/** Says which part is left out on this machine, and what would bring it. */
export function tellWhatIsLeftOut() {
  if (!hasTss2()) console.log('  without the Tpm provider: libtss2-dev or pkg-config is not installed; all else works')
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
  if (!process.argv.includes('--no-addon')) {
    await buildAddon()
    tellWhatIsLeftOut()
  }
  await buildTypeScript()
})
