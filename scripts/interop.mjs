// Builds the peers of test/interop: programs with the SPIFFE libraries of other languages, into target/interop.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root, step, StepFailed } from './step.mjs'

const sources = (language) => join(root, 'test', 'interop', language)
const built = (language) => join(root, 'target', 'interop', language)

function answers(command, ...args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}

async function buildGo() {
  const output = join(built('go'), 'peer')
  await step('build the Go peer', 'go', ['build', '-trimpath', '-mod=readonly', '-o', output, '.'], {
    cwd: sources('go'),
  })
}

async function buildPython() {
  const requirements = join(sources('python'), 'requirements.txt')
  if (!existsSync(join(built('python'), 'bin', 'python'))) {
    await step('make the Python environment', 'python3', ['-m', 'venv', built('python')])
  }
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]
  await step('install the Python peer', join(built('python'), 'bin', 'python'), pip)
}

async function buildRust() {
  const manifest = join(sources('rust'), 'Cargo.toml')
  const args = ['build', '--release', '--locked', '--manifest-path', manifest, '--target-dir', built('rust')]
  await step('build the Rust peer', 'cargo', args)
}

/** `full`: only for the full run, since it takes minutes. */
const peers = [
  { name: 'Go', full: false, isThere: () => answers('go', 'version'), build: buildGo },
  { name: 'Python', full: true, isThere: () => answers('python3', '-m', 'venv', '--help'), build: buildPython },
  { name: 'Rust', full: true, isThere: () => answers('cargo', '--version'), build: buildRust },
]

/** Builds what there is a toolchain for. Throws StepFailed for a missing one in a full run under CI, where its tests must run. */
export async function buildPeers({ full }) {
  for (const { name, build, isThere } of peers.filter((peer) => full || !peer.full)) {
    if (isThere()) await build()
    else if (full && process.env.CI === 'true') throw new StepFailed(`the toolchain of the ${name} peer is missing`)
    else console.log(`  no ${name} here: its tests of interoperation are skipped`)
  }
}
