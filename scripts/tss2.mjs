// libtss2's headers and libraries, which the TPM's addon is linked with and nothing else needs.
import { spawnSync } from 'node:child_process'

const minimum = '2.4.6'
const libraries = ['tss2-esys', 'tss2-mu', 'tss2-sys', 'tss2-tctildr']
/** Those the bindings exist for. */
const platforms = new Set(['linux-x64', 'linux-arm64', 'linux-arm', 'darwin-x64'])

/** Asked each time: the tests install it first. */
export function hasTss2() {
  if (!platforms.has(`${process.platform}-${process.arch}`)) return false
  return spawnSync('pkg-config', [`--atleast-version=${minimum}`, ...libraries]).status === 0
}

/** What cargo needs to compile the crate of that addon, which is empty without. */
export function tpmFeatures() {
  return hasTss2() ? ['--features', 'svidecar-tpm/libtss2'] : []
}
