// Joins the command line and the packages it uses into few files, dist/bin: a start then opens seven of them instead of
// three hundred, and leaves out what its command never calls. The library's entries stay as tsc wrote them.
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './step.mjs'

export const bundleFolder = join(root, 'dist', 'bin')

/** Commands that ask a running sidecar or read files. A probe runs `health` every few seconds. */
const light = new Set(['health', 'reload', 'status', 'validate'].map((name) => `${name}-command.ts`))

/**
 * The commands in two groups, bundled apart: what the commands of a bundle share lands in shared files, and the light
 * ones must not open the gRPC that only the others need.
 */
function commandGroups() {
  const folder = join('sidecar', 'cli')
  const files = readdirSync(join(root, folder)).filter((name) => name.endsWith('-command.ts'))
  const pathsOf = (names) => names.map((name) => join(folder, name))
  return [pathsOf(files.filter((name) => light.has(name))), pathsOf(files.filter((name) => !light.has(name)))]
}

/** The entry loads a command's file by the name it has in both places. */
const commandsApart = {
  name: 'commands-apart',
  setup({ onResolve }) {
    onResolve({ filter: /-command\.js$/ }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path, external: true } : undefined,
    )
  },
}

const options = {
  absWorkingDir: root,
  outdir: bundleFolder,
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  // Not minified: a stack trace is to be read without the map.
  legalComments: 'linked',
  sourcemap: true,
  sourcesContent: false,
  // grpc-js loads it for the channelz service alone, which nothing here offers.
  external: ['@grpc/proto-loader'],
  // CommonJS packages expect these, which a module has to make; write-file-atomic names its files by `__filename`.
  // The imports have names that no source has.
  banner: {
    js: [
      "import { createRequire as bundle_createRequire } from 'node:module';",
      "import { fileURLToPath as bundle_fileURLToPath } from 'node:url';",
      'const require = bundle_createRequire(import.meta.url), __filename = bundle_fileURLToPath(import.meta.url);',
      "const __dirname = bundle_fileURLToPath(new URL('.', import.meta.url));",
    ].join(' '),
  },
  metafile: true,
  logLevel: 'warning',
}

/** Removes the files of earlier builds; those of this one were replaced one by one, under a process that reads them. */
function removeOthers(kept) {
  for (const name of readdirSync(bundleFolder)) {
    if (!kept.has(join('dist', 'bin', name))) rmSync(join(bundleFolder, name))
  }
}

/** Writes dist/bin from the TypeScript sources. */
export async function bundleCommandLine() {
  // Not at the top: the set-up imports this before the packages are there.
  const { build } = await import('esbuild')
  const results = await Promise.all([
    build({ ...options, entryPoints: [join('sidecar', 'main.ts')], plugins: [commandsApart] }),
    ...commandGroups().map((entryPoints) => build({ ...options, entryPoints })),
  ])
  removeOthers(new Set(results.flatMap(({ metafile }) => Object.keys(metafile.outputs))))
}
