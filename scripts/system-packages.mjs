// Programs that the tests use as the other side of a line, from the system's own packages.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { step } from './step.mjs'

/** program -> Debian package. A test that needs one more adds its line here. */
const packages = { openssl: 'openssl', curl: 'curl' }

function isInPath(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return folders.some((folder) => folder !== '' && existsSync(join(folder, program)))
}

function missingPackages() {
  return [
    ...new Set(
      Object.keys(packages)
        .filter((program) => !isInPath(program))
        .map((program) => packages[program]),
    ),
  ]
}

function mayInstall() {
  const asked = process.env.CI === 'true' || process.env.SVIDECAR_INSTALL === '1'
  return asked && process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0
}

/**
 * Installs what is missing when root and asked to (CI=true or SVIDECAR_INSTALL=1). Answers the packages that are
 * still missing: tests that need them skip themselves, which in CI counts as a failure.
 */
export async function provideSystemPackages() {
  const missing = missingPackages()
  if (missing.length === 0) return []
  if (mayInstall()) {
    await step('update the package lists', 'apt-get', ['update', '-qq'])
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    await step('install system packages', 'apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], {
      env,
    })
    return missingPackages()
  }
  console.log(`  missing: ${missing.join(', ')}; to run their tests too: sudo apt-get install ${missing.join(' ')}`)
  return missing
}
