// The project's whole gate, the same for a contributor and for CI: set-up, format, lint, types, tests, package.
// `--full` adds the slow tests (*.full.test.ts). A failing check does not hide the checks behind it.
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { buildPeers } from './interop.mjs'
import { setup } from './setup.mjs'
import { root, runAsProgram, step, StepFailed } from './step.mjs'
import { provideSystemPackages } from './system-packages.mjs'
import { tpmFeatures } from './tss2.mjs'

const full = process.argv.includes('--full')
const inCi = process.env.CI === 'true'
/** Of one test; a test that hangs must fail by its name instead of holding the whole run. */
const testTimeoutMs = full ? 30 * 60_000 : 90_000
const packagingTimeoutMs = 300_000

const cargo = (...args) => ['cargo', args]
const nodeTool = (path, ...args) => [process.execPath, [join('node_modules', path), ...args]]
const nodeTests = (files, timeoutMs, concurrency) => {
  const limits = [`--test-timeout=${timeoutMs}`, `--test-concurrency=${concurrency}`]
  return [process.execPath, ['--enable-source-maps', '--test', '--test-reporter=spec', ...limits, ...files]]
}
/** The addons' own profile and features: clippy and the Rust tests find aws-lc already compiled. */
const rustScope = () => ['--release', '--locked', '--workspace', '--all-targets', ...tpmFeatures()]

/** Compiled tests of the sources that exist; dist may hold others of an earlier state. */
function testFiles() {
  return readdirSync(join(root, 'test'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .filter((entry) => full || !entry.name.endsWith('.full.test.ts'))
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .map((file) => join('dist', file.replace(/\.ts$/, '.js')))
    .toSorted()
}

const isPackagingTest = (file) => file.startsWith(join('dist', 'test', 'packaging'))

function checks() {
  const files = testFiles()
  const ownTests = files.filter((file) => !isPackagingTest(file))
  const parallel = availableParallelism()
  const asItRuns = { show: true, count: nodeTotals }
  return [
    { title: 'format', command: nodeTool('prettier/bin/prettier.cjs', '--check', '.') },
    { title: 'lint', command: nodeTool('oxlint/bin/oxlint', '--type-aware') },
    { title: 'Rust format', command: cargo('fmt', '--all', '--check') },
    { title: 'Rust lint', command: cargo('clippy', ...rustScope(), '--', '-D', 'warnings') },
    { title: 'Rust tests', command: cargo('test', ...rustScope()), count: cargoTotals },
    // Here, so that no test has to wait for a compiler.
    {
      title: 'Rust test programs',
      command: cargo('build', '--release', '--locked', '--workspace', '--bins', ...tpmFeatures()),
    },
    { title: 'TypeScript tests', command: nodeTests(ownTests, testTimeoutMs, parallel), ...asItRuns },
    { title: 'package', command: nodeTests(files.filter(isPackagingTest), packagingTimeoutMs, 1), ...asItRuns },
  ]
}

function sum(output, pattern) {
  return [...output.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0)
}

function cargoTotals(output) {
  return {
    passed: sum(output, /^test result: .*? (\d+) passed/gm),
    failed: sum(output, /^test result: .*? (\d+) failed/gm),
    skipped: sum(output, /^test result: .*? (\d+) ignored/gm),
  }
}

function nodeTotals(output) {
  return {
    passed: sum(output, /^ℹ pass (\d+)/gm),
    failed: sum(output, /^ℹ (?:fail|cancelled) (\d+)/gm),
    skipped: sum(output, /^ℹ (?:skipped|todo) (\d+)/gm),
  }
}

const rows = []
const totals = { passed: 0, failed: 0, skipped: 0 }

/** Runs one check and notes its time; what it printed is counted whether it failed or not. */
async function check(title, run, count = () => ({ passed: 0, failed: 0, skipped: 0 })) {
  const started = performance.now()
  let ok = true
  let output = ''
  try {
    output = (await run()) ?? ''
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error
    ok = false
    output = error.output ?? ''
    console.error(error.message)
  }
  const counted = count(output)
  if (!ok && counted.failed === 0) counted.failed = 1
  for (const kind of Object.keys(totals)) totals[kind] += counted[kind]
  rows.push({ title, seconds: ((performance.now() - started) / 1000).toFixed(1), ok })
  return ok
}

function printSummary() {
  const width = Math.max(...rows.map(({ title }) => title.length))
  console.log()
  for (const { title, seconds, ok } of rows) {
    console.log(`${title.padEnd(width)} | ${seconds.padStart(6)} s${ok ? '' : ' | failed'}`)
  }
  console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
}

async function systemPackages() {
  const missing = await provideSystemPackages()
  if (inCi && missing.length > 0) throw new StepFailed(`missing system packages: ${missing.join(', ')}`)
}

await runAsProgram(import.meta.url, async () => {
  await check('system packages', systemPackages)
  const built = await check('set-up and types', setup)
  // Here as well, so that no test has to wait for a compiler.
  if (built) await check('peers in other languages', () => buildPeers({ full }))
  for (const { title, command, show, count } of built ? checks() : []) {
    await check(title, () => step(title, ...command, { show }), count)
  }
  printSummary()
  if (totals.failed > 0) process.exitCode = 1
})
