// The benchmark: set-up, the load generator, then the program that the arguments name, of test/bench, with them.
import { spawnSync } from 'node:child_process'
import { setup } from './setup.mjs'
import { root, runAsProgram, step } from './step.mjs'
import { tpmFeatures } from './tss2.mjs'

await runAsProgram(import.meta.url, async () => {
  await setup()
  // The whole workspace: the crates that both need are then compiled with one set of features.
  await step('build the load generator', 'cargo', ['build', '--release', '--locked', '--workspace', ...tpmFeatures()])
  const named = ['scale', 'start-up'].find((name) => process.argv.includes(`--${name}`)) ?? 'main'
  const program = ['spiffe', 'providers', 'helper'].find((name) => process.argv[2] === name) ?? named
  const args = ['--enable-source-maps', `dist/test/bench/${program}.js`, ...process.argv.slice(2)]
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  process.exitCode = status ?? 1
})
