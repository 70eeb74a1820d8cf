import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configOf, faultsOf, tunnel } from './faults-of.js'

const outputs = `
  cmd cmd_args cmdArgs pid_file_name renew_signal renewSignal
  cert_dir certDir add_intermediates_to_bundle addIntermediatesToBundle include_federated_domains omit_expired
  svid_file_name svidFileName svid_key_file_name svidKeyFileName svid_bundle_file_name svidBundleFileName
  jwt_svids jwt_bundle_file_name cert_file_mode key_file_mode jwt_bundle_file_mode jwt_svid_file_mode
  ghostunnelCmd ghostunnelArgs`
  .trim()
  .split(/\s+/)

test("each output key of spiffe-helper, in both spellings, is refused as spiffe-helper's", () => {
  for (const key of outputs) {
    const message = `"${key}" is an output key of spiffe-helper; outputs come later and are not supported by this version`
    assert.deepEqual(faultsOf(`${key} = "x"\n${tunnel('')}`), [`1:1: ${message}`])
  }
})

test('each key and block that comes later is refused as not supported by this version', () => {
  for (const item of [
    'output "a" { }',
    'parsec_service { }',
    'health_checks { }',
    'state_dir = "x"',
    'daemon_mode = true',
    'stop_timeout = "1s"',
    'exit_when_ready = true',
  ]) {
    const key = item.split(' ')[0] ?? ''
    assert.deepEqual(faultsOf(`${item}\n${tunnel('')}`), [`1:1: "${key}" is not supported by this version`])
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
