import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../../sidecar/config/index.js'
import { accounts, configOf, faultsOf, tunnel } from './faults-of.js'

const names = 'svid_file_name = "svid.pem" svid_key_file_name = "key.pem" svid_bundle_file_name = "bundle.pem"'

/** The messages of a file's faults without their places. */
function messagesOf(text: string): readonly string[] {
  return faultsOf(text).map((fault) => fault.replace(/^\d+:\d+: /, ''))
}

test('the example file of spiffe-helper makes one output of the default identity, with its defaults', () => {
  const { outputs, process, identities, daemonMode, health } = configOf(`
    agent_address = "/tmp/spire-agent/public/api.sock"
    cmd = ""
    cmd_args = ""
    cert_dir = "certs"
    renew_signal = "SIGUSR1"
    ${names}`)
  assert.deepEqual([process, health, daemonMode, identities.length], [undefined, undefined, true, 1])
  assert.deepEqual(outputs, [
    {
      name: 'helper',
      identity: 'default',
      directory: 'certs',
      layout: 'flat',
      svidFileName: 'svid.pem',
      keyFileName: 'key.pem',
      bundleFileName: 'bundle.pem',
      bundlePerTrustDomain: false,
      addIntermediatesToBundle: false,
      includeFederatedDomains: false,
      omitExpired: false,
      jwksFileName: undefined,
      spiffeBundleFileName: undefined,
      certFileMode: 0o644,
      keyFileMode: 0o600,
      jwtBundleFileMode: 0o600,
      jwtSvidFileMode: 0o600,
      owner: undefined,
      group: undefined,
      jwtSvids: [],
      jwtBundleFileName: undefined,
      onUpdate: [],
      pidFileName: undefined,
      renewSignal: undefined,
    },
  ])
})

test('cmd with cmd_args, and as a list', () => {
  const quotedArgs = configOf(`cmd = "/usr/bin/mysql" cmd_args = "-e \\"ALTER INSTANCE RELOAD TLS;\\"" ${names}`)
  assert.deepEqual(quotedArgs.process?.command, ['/usr/bin/mysql', '-e', 'ALTER INSTANCE RELOAD TLS;'])
  const list = configOf(
    `cmd = ["prog", "a b", ""] cmd_restart = "always" stop_timeout = "3s" renew_signal = "SIGHUP" ${names}`,
  )
  assert.deepEqual(list.process, {
    command: ['prog', 'a b', ''],
    restart: 'always',
    renewSignal: 'SIGHUP',
    stopTimeoutMs: 3000,
  })
  assert.deepEqual(messagesOf(`cmd = ["a"] cmd_args = "b" ${names}`), [
    '"cmd_args" is for a "cmd" in quotes; a list has its arguments in it',
  ])
  assert.deepEqual(messagesOf(`cmd = "a" cmd_args = "x y\\"z" ${names}`), [
    '"cmd_args": parse error on line 1, column 4: bare " in non-quoted field',
  ])
})

test('a file of spiffe-helper 0.1 gets its keystore, its bundle and its signal', () => {
  const { outputs, process, warnings } = configOf(
    'agentAddress = "/tmp/agent.sock" ghostunnelCmd = "/opt/ghostunnel" ghostunnelArgs = "server --listen :1" certDir = "certs"',
  )
  assert.deepEqual(process?.command, [
    '/opt/ghostunnel',
    'server',
    '--listen',
    ':1',
    '--keystore',
    'certs/0.key',
    '--cacert',
    'certs/0.cert',
  ])
  assert.equal(process?.renewSignal, 'SIGUSR1')
  const [output] = outputs
  assert.deepEqual([output?.svidFileName, output?.keyFileName, output?.bundleFileName], ['0.key', '0.key', '0.cert'])
  assert.equal(warnings.length, 4)
})

test('the sets of spiffe-helper are complete or a fault in its own words', () => {
  assert.deepEqual(messagesOf('cert_dir = "c" svid_file_name = "a"'), [
    "all or none of 'svid_file_name', 'svid_key_file_name', 'svid_bundle_file_name' must be specified",
  ])
  for (const text of ['cert_dir = "c"', 'cmd = "x"']) {
    assert.match(messagesOf(text).join(), /^at least one of the sets \('svid_file_name', .*must be fully specified$/)
  }
  assert.deepEqual(messagesOf(`pid_file_name = "p" ${names}`), ['must specify renew_signal when using pid_file_name'])
})

test('one-shot mode refuses a pid file and warns of what it ignores; the command line counts before the file', () => {
  const text = `daemon_mode = false cmd = "x" renew_signal = "SIGHUP" ${names}`
  const { daemonMode, process, warnings } = configOf(text)
  assert.deepEqual([daemonMode, process], [false, undefined])
  assert.deepEqual(
    warnings.map(({ message }) => message),
    ['cmd', 'renew_signal'].map((key) => `${key} is set but daemon_mode is false. ${key} will be ignored`),
  )
  assert.match(messagesOf(`${text} pid_file_name = "p"`).join(), /only supported in daemon_mode/)
  assert.equal(parseConfig(text, { path: '', env: {}, accounts, daemonMode: true }).process?.command[0], 'x')
  assert.equal(configOf(`exit_when_ready = true ${names}`).daemonMode, false)
})

test('JWT files: the audiences are one list, the mandatory keys are named', () => {
  const { outputs } = configOf(`jwt_svids = [
    { jwt_audience = "a" jwt_extra_audiences = ["b", "a"] jwt_svid_file_name = "a.jwt" },
    { jwt_audience = "c" jwt_svid_file_name = "c.jwt" },
  ] jwt_bundle_file_name = "bundle.json"`)
  assert.deepEqual(outputs[0]?.jwtSvids, [
    { audiences: ['a', 'b'], fileName: 'a.jwt' },
    { audiences: ['c'], fileName: 'c.jwt' },
  ])
  assert.equal(outputs[0]?.jwtBundleFileName, 'bundle.json')
  assert.deepEqual(messagesOf('jwt_svids = [{ foo = 1 }]'), [
    '"jwt_svids"[0] has no "jwt_audience"',
    '"jwt_svids"[0] has no "jwt_svid_file_name"',
    'unknown key "foo" in "jwt_svids"[0]',
  ])
})

test('file name with `..` or `/`', () => {
  for (const name of ['../a', 'a/b', '/a', '..', '.', '..data', 'a\\n']) {
    assert.equal(messagesOf(`output "o" { dir = "d" svid_file_name = "${name}" }`).length > 0, true, name)
    assert.equal(messagesOf(names.replace('svid.pem', name)).length > 0, true, name)
  }
  assert.deepEqual(faultsOf(`output "o" { dir = "d" svid_file_name = "a..b" }`), [])
})

test('two outputs to one path', () => {
  assert.deepEqual(
    messagesOf(`output "a" { dir = "d" svid_file_name = "x" }
      output "b" { dir = "./d/" svid_bundle_file_name = "x" }`),
    [`output "b" writes "${process.cwd()}/d/x", the file of output "a" too`],
  )
  const twice = 'jwt_svids = [{ jwt_audience = "a" jwt_svid_file_name = "x" }]'
  assert.match(messagesOf(`output "a" { dir = "d" svid_file_name = "x" ${twice} }`).join(), /the file twice/)
  assert.match(
    messagesOf(`${names} cert_dir = "d"\noutput "b" { dir = "d" svid_file_name = "svid.pem" }`).join(),
    /the file of the output of the keys outside of blocks too/,
  )
})

test('an atomic layout shares its directory with no other output, nor bundles per trust domain their names', () => {
  assert.match(
    messagesOf(`output "a" { dir = "d" svid_file_name = "x" }
      output "b" { dir = "d" layout = "atomic" svid_file_name = "y" }`).join(),
    /layout "atomic" has its directory alone, and output "a" writes to it too/,
  )
  for (const [first, second] of [
    ['bundle_per_trust_domain = true', 'svid_bundle_file_name = "bundle.example.org.pem"'],
    ['svid_bundle_file_name = "bundle.example.org.pem"', 'bundle_per_trust_domain = true'],
  ]) {
    const text = `output "a" { dir = "d" ${first} }\noutput "b" { dir = "d" ${second} }`
    assert.match(messagesOf(text).join(), /could be a bundle per trust domain/)
  }
})

test('unknown signal', () => {
  assert.deepEqual(messagesOf(`renew_signal = "SIGHUPP" ${names}`), [
    '"renew_signal" needs a signal such as "SIGHUP", not "SIGHUPP"; did you mean "SIGHUP"?',
  ])
  for (const name of ['HUP', '1', 'sighup'])
    assert.equal(messagesOf(`renew_signal = "${name}" ${names}`).length, 1, name)
})

test('mode > 0777', () => {
  for (const mode of ['01000', '0o1777', '1000', '4095']) {
    assert.match(messagesOf(`cert_file_mode = "${mode}" ${names}`).join(), /a file mode is at most 0777/)
    assert.equal(messagesOf(`output "o" { dir = "d" svid_file_name = "a" cert_file_mode = "${mode}" }`).length, 1)
  }
  assert.match(messagesOf(`cert_file_mode = -1 ${names}`).join(), /must be positive/)
  assert.match(messagesOf(`key_file_mode = 0077 ${names}`).join(), /does not let the owner read/)
})

test('a mode is read as spiffe-helper reads it: 0 is the default, decimal is a warning', () => {
  const modes = configOf(`cert_file_mode = 444 key_file_mode = 0400 jwt_svid_file_mode = 0 ${names}`)
  const [output] = modes.outputs
  assert.deepEqual([output?.certFileMode, output?.keyFileMode, output?.jwtSvidFileMode], [0o674, 0o400, 0o600])
  assert.deepEqual(
    modes.warnings.map(({ message }) => message),
    ['"cert_file_mode" is decimal without a leading zero: 444 is 0674'],
  )
})

test('an identity is named, or the only one', () => {
  const two = 'identity "a" { }\nidentity "b" { }\n'
  assert.deepEqual(messagesOf(`${two}output "o" { dir = "d" svid_file_name = "x" }`), [
    'output "o" has no "identity", and there are 2 to choose from',
  ])
  assert.deepEqual(messagesOf(`${two}output "o" { identity = "c" dir = "d" svid_file_name = "x" }`), [
    'there is no identity "c"; did you mean "a"?',
  ])
  assert.equal(configOf(`identity "a" { }\noutput "o" { dir = "d" svid_file_name = "x" }`).outputs[0]?.identity, 'a')
})

test('hooks, owner and pid file of an output block', () => {
  const { outputs } = configOf(`output "o" {
    dir = "d" svid_file_name = "x" owner = "edge" group = "mqtt" layout = "atomic"
    on_update = [{ command = ["a", "b c"] }, { command = ["d"] timeout = "1s" retries = 3 }]
    pid_file_name = "/run/x.pid" renew_signal = "SIGHUP"
  }`)
  const [output] = outputs
  assert.deepEqual([output?.owner, output?.group, output?.layout], [1000, 2000, 'atomic'])
  assert.deepEqual(output?.onUpdate, [
    { command: ['a', 'b c'], timeoutMs: 30_000, retries: 0 },
    { command: ['d'], timeoutMs: 1000, retries: 3 },
  ])
  assert.deepEqual([output?.pidFileName, output?.renewSignal], ['/run/x.pid', 'SIGHUP'])
  assert.match(messagesOf('output "o" { dir = "d" }').join(), /writes nothing/)
  assert.match(
    messagesOf('output "o" { dir = "d" svid_file_name = "x" renew_signal = "SIGHUP" }').join(),
    /nobody to go to/,
  )
  assert.match(
    messagesOf(`${names}\noutput "helper" { dir = "d" svid_file_name = "x" }`).join(),
    /choose another label/,
  )
})

test('health_checks as spiffe-helper has them', () => {
  const { health } = configOf(`health_checks { listener_enabled = true } ${names}`)
  assert.deepEqual(health, { host: undefined, port: 8081, livenessPath: '/live', readinessPath: '/ready' })
  assert.equal(configOf(`health_checks { bind_port = 1 } ${names}`).health, undefined)
  const narrowed = configOf(`health_checks { listener_enabled = true bind_address = "127.0.0.1" } ${names}`)
  assert.equal(narrowed.health?.host, '127.0.0.1')
  const faulty = 'health_checks { listener_enabled = true liveness_path = "x" readiness_path = "x" bind_port = 0 }'
  assert.equal(messagesOf(`${faulty} ${names}`).length, 4)
  const taken = `health_checks { listener_enabled = true bind_port = 8443 }\n${tunnel('')}`
  assert.match(messagesOf(taken).join(), /"listen" ".*8443" is the address of tunnel "a" too/)
})

test('workload_api is a unix socket, and never the own agent address', () => {
  const { workloadApi } = configOf('workload_api { listen = "unix:/run/own.sock" }')
  assert.deepEqual(workloadApi?.listen, { kind: 'unix', path: '/run/own.sock' })
  assert.match(
    messagesOf('workload_api { listen = "127.0.0.1:1" }').join(),
    /needs a unix socket: its callers are known/,
  )
  const own = 'agent_address = "unix:///run/own.sock"\nworkload_api { listen = "unix:/run/own.sock" }'
  assert.match(messagesOf(own).join(), /is the agent address of identity "default": it would ask itself/)
})

test('what is merged and what could be a tunnel is said once, as a warning', () => {
  const { warnings } = configOf(`include_federated_domains = true cmd = "/opt/ghostunnel" cmd_args = "server" ${names}`)
  assert.deepEqual(
    warnings.map(({ message }) => /merges the authorities|svidecar convert/.exec(message)?.[0]),
    ['merges the authorities', 'svidecar convert'],
  )
})

test('an identity whose key is in a device has no key output', () => {
  const device =
    'key_provider "tpm" { type = "Tpm" key_store_dir = "/var/lib/x" }\nidentity "a" { key_provider = "tpm" }\n'
  assert.deepEqual(messagesOf(`${device}output "o" { dir = "d" svid_key_file_name = "k" }`), [
    'the key of identity "a" stays in its device (Tpm): declare a second identity for the files',
  ])
  assert.equal(messagesOf(`${device}${names}`).length, 1)
  assert.deepEqual(
    messagesOf(`${device}output "o" { dir = "d" svid_file_name = "k" bundle_per_trust_domain = true }`),
    [],
  )
})
