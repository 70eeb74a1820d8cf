// Everything between a fresh clone and something that runs: checks the tools, installs the packages, builds.
// Says nothing and ends at once when nothing is to do.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { buildAddon, buildTypeScript, tellWhatIsLeftOut } from './build.mjs'
import { root, runAsProgram, seconds, step, StepFailed } from './step.mjs'
import { missingTools } from './tools.mjs'

function modifiedAt(path) {
  return statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0
}

/** npm leaves its own copy of the lockfile behind; it is older than ours exactly when ours has changed since. */
function packagesAreInstalled() {
  return modifiedAt('node_modules/.package-lock.json') >= modifiedAt('package-lock.json')
}

/** No package's install script runs: none of ours is needed, and each is a stranger's program. */
async function installPackages() {
  if (packagesAreInstalled()) return
  await step('install packages', 'npm', ['ci', '--ignore-scripts'])
}

/** Throws StepFailed. The packages arrive over the network while the addon compiles. */
export async function setup() {
  const missing = missingTools()
  if (missing.length > 0) throw new StepFailed(missing.join('\n'))
  const started = performance.now()
  const fresh = !packagesAreInstalled() || modifiedAt('dist') === 0
  if (fresh) console.log('Setting up (the first time takes a few minutes)')
  const outcomes = await Promise.allSettled([installPackages(), buildAddon()])
  for (const { reason } of outcomes) if (reason) throw reason
  await buildTypeScript()
  if (fresh) tellWhatIsLeftOut()
  if (fresh) console.log(`Set up in ${seconds(started)}`)
}

await runAsProgram(import.meta.url, setup)
