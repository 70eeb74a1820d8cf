// Builds what runs: the addon (cargo), the TypeScript (tsc), and the files that lie beside the compiled code.
// `--no-addon` leaves the Rust part as it is.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}

function addonSuffix() {
  if (process.platform !== 'linux') return `${process.platform}-${process.arch}`
  const libc = process.report.getReport().header.glibcVersionRuntime ? 'gnu' : 'musl'
  return `linux-${process.arch}-${libc}`
}

/** Renamed into place: a process that has the old addon mapped must not see its pages change. */
function place(from, to) {
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, `${to}.new`)
  renameSync(`${to}.new`, to)
}

function buildAddon() {
  run('cargo', ['build', '--release', '--locked', '--package', 'svidecar-data-plane'])
  const extension = process.platform === 'darwin' ? 'dylib' : 'so'
  const built = join(root, 'target', 'release', `libsvidecar_data_plane.${extension}`)
  place(built, join(root, 'dist', 'native', `data-plane.${addonSuffix()}.node`))
}

function filesBelow(folder, wanted) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && wanted.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
}

function buildTypeScript() {
  run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', '.'])
  for (const folder of ['workload-api', 'parsec-core', 'sidecar', 'test']) {
    for (const file of filesBelow(join(root, folder), /\.proto$/)) place(file, join(root, 'dist', relative(root, file)))
  }
}

if (!process.argv.includes('--no-addon')) buildAddon()
buildTypeScript()
