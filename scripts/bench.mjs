// The benchmark: set-up, the load generator, then test/bench/main.ts (scale.ts for `--scale`) with the same arguments.
import { spawnSync } from 'node:child_process'
import { setup } from './setup.mjs'
import { root, runAsProgram, step } from './step.mjs'

await runAsProgram(import.meta.url, async () => {
  await setup()
  // The whole workspace: the crates that both need are then compiled with one set of features.
  await step('build the load generator', 'cargo', ['build', '--release', '--locked', '--workspace'])
  const program = process.argv.includes('--scale') ? 'scale.js' : 'main.js'
  const args = ['--enable-source-maps', `dist/test/bench/${program}`, ...process.argv.slice(2)]
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  process.exitCode = status ?? 1
})
