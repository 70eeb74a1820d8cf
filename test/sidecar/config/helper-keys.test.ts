import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configOf, faultsOf, tunnel } from './faults-of.js'

test('each key and block that comes later is refused as not supported by this version', () => {
  for (const item of ['parsec_service { }']) {
    const key = item.split(' ')[0] ?? ''
    assert.deepEqual(faultsOf(`${item}\n${tunnel('')}`), [`1:1: "${key}" is not supported by this version`])
  }
})

const spellings = [
  ['agent_address', 'agentAddress', '"/a"'],
  ['cmd_args', 'cmdArgs', '"x"'],
  ['cert_dir', 'certDir', '"certs"'],
  ['renew_signal', 'renewSignal', '"SIGHUP"'],
  ['svid_file_name', 'svidFileName', '"a"'],
  ['svid_key_file_name', 'svidKeyFileName', '"b"'],
  ['svid_bundle_file_name', 'svidBundleFileName', '"c"'],
  ['add_intermediates_to_bundle', 'addIntermediatesToBundle', 'true'],
] as const

function helperFile(spelling: 0 | 1): string {
  return ['cmd = "true"', ...spellings.map((names) => `${names[spelling]} = ${names[2]}`)].join('\n')
}

test('both spellings of every key make the same, the old one with a warning each', () => {
  const { warnings: none, ...current } = configOf(helperFile(0))
  const { warnings, ...old } = configOf(helperFile(1))
  assert.deepEqual(old, current)
  assert.deepEqual(none, [])
  assert.deepEqual(
    warnings.map(({ message }) => message),
    spellings.map(([name, before]) => `${before} will be deprecated, should be used as ${name}`),
  )
})

test('both spellings at once are a fault, whatever they say', () => {
  for (const [name, old, value] of spellings) {
    const faults = faultsOf(`${helperFile(0)}\n${old} = ${value}`)
    assert.deepEqual(faults, [`10:${old.length + 4}: use of ${name} and ${old} found, use only ${name}`])
  }
})

test('the old spelling of the agent address is accepted with a warning', () => {
  const { warnings, identities } = configOf(`agentAddress = "/tmp/a.sock"\n${tunnel('')}`)
  assert.deepEqual(warnings, [
    { line: 1, column: 16, message: 'agentAddress will be deprecated, should be used as agent_address' },
  ])
  assert.deepEqual(
    identities.map((identity) => identity.source === 'workload-api' && identity.agentAddress),
    ['/tmp/a.sock'],
  )
})

test('of a scalar of spiffe-helper given twice the last one counts, with a warning', () => {
  const { warnings, identities } = configOf(`agent_address = "/a"\nagent_address = "/b"\n${tunnel('')}`)
  assert.deepEqual(warnings, [
    { line: 2, column: 1, message: '"agent_address" is given again, first on line 1; the last one counts' },
  ])
  assert.deepEqual(
    identities.map((identity) => identity.source === 'workload-api' && identity.agentAddress),
    ['/b'],
  )
})

test('timeout, which spiffe-helper dropped, is ignored with a warning', () => {
  assert.deepEqual(
    configOf(`timeout = "5s"\n${tunnel('')}`).warnings.map(({ message }) => message),
    ['"timeout" is ignored: spiffe-helper itself dropped it in 0.6'],
  )
})
