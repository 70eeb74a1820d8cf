// What must be on the machine before anything can be built, and how to get what is missing.
import { spawnSync } from 'node:child_process'

const minimumNode = 20
const minimumRust = [1, 88]

function versionOf(command) {
  const { status, stdout, error } = spawnSync(command, ['--version'], { encoding: 'utf8' })
  return error || status !== 0 ? undefined : stdout.trim()
}

function rustIsTooOld(version) {
  const [, major, minor] = /^rustc (\d+)\.(\d+)/.exec(version) ?? []
  return Number(major) < minimumRust[0] || (Number(major) === minimumRust[0] && Number(minor) < minimumRust[1])
}

function nodeFault() {
  if (Number(process.versions.node.split('.')[0]) >= minimumNode) return undefined
  return `Node.js ${minimumNode} or newer is needed, this is ${process.versions.node}: install a current release from https://nodejs.org.`
}

function npmFault() {
  if (versionOf('npm') !== undefined) return undefined
  return 'npm is missing: it comes with Node.js from https://nodejs.org, or as the package "npm" of your system.'
}

function rustFault() {
  const get = `install Rust ${minimumRust.join('.')} or newer with rustup, see https://rustup.rs`
  const rustc = versionOf('rustc')
  if (rustc === undefined || versionOf('cargo') === undefined) return `Rust (rustc and cargo) is missing: ${get}.`
  return rustIsTooOld(rustc) ? `Rust is too old (${rustc}): ${get}, or run "rustup update".` : undefined
}

function compilerFault() {
  if (versionOf(process.env.CC ?? 'cc') !== undefined) return undefined
  return 'A C compiler is missing (the TLS library needs one): install gcc or clang, on Debian "apt-get install build-essential".'
}

/** A sentence for each tool that is missing or too old; empty when all is well. */
export function missingTools() {
  return [nodeFault(), npmFault(), rustFault(), compilerFault()].filter((fault) => fault !== undefined)
}
