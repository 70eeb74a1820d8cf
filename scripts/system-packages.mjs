// What the tests need of the system's own packages: programs as the other side of a line, devices in software.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { step } from './step.mjs'
import { hasTss2 } from './tss2.mjs'

/** program -> Debian package. A test that needs one more adds its line here. */
const packages = {
  openssl: 'openssl',
  curl: 'curl',
  'softhsm2-util': 'softhsm2',
  'pkcs11-tool': 'opensc',
  swtpm: 'swtpm',
  tpm2_clear: 'tpm2-tools',
  'pkg-config': 'pkg-config',
}

function isInPath(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return folders.some((folder) => folder !== '' && existsSync(join(folder, program)))
}

function missingPackages() {
  const programs = Object.keys(packages).filter((program) => !isInPath(program))
  // Not a program: what the TPM's addon is built with, when the set-up follows.
  return [...new Set([...programs.map((program) => packages[program]), ...(hasTss2() ? [] : ['libtss2-dev'])])]
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
