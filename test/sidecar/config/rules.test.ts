import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configOf, faultsOf, tunnel } from './faults-of.js'

const identity = (label: string, keys = '') => `identity "${label}" { ${keys} }\n`
const unixServer =
  'mode = "server" listen = "unix:/run/a.sock" target = "127.0.0.1:80" allow { unsafe_allow_any = true }'
const client = 'mode = "client" target = "cloud.example.org:8443" allow { unsafe_allow_any = true }'
const fromAuthority = 'source = "authority" authority_address = "unix:/run/l.sock" spiffe_id = "spiffe://td/a"'
const authority = (keys: string) => `authority "l" { listen = "unix:/run/l.sock" trust_domain = "td" ${keys} }`

const cases: readonly (readonly [requirement: string, text: string, faults: readonly string[]])[] = [
  [
    'a file with nothing to run is refused',
    'shutdown_timeout = "5s"',
    ['1:1: there is nothing to run: the file has neither a tunnel nor an authority'],
  ],
  [
    'an unknown key is refused, with the one it resembles',
    `listn = 1\n${tunnel('lisen = 1 handshakeTimeout = 1')}`,
    [
      '1:1: unknown key "listn"',
      '2:14: unknown key "lisen" in tunnel "a"; did you mean "listen"?',
      '2:24: unknown key "handshakeTimeout" in tunnel "a"; did you mean "handshake_timeout"?',
    ],
  ],
  [
    'an unknown block is refused, with the one it resembles',
    `tunel "b" { }\n${tunnel('')}`,
    ['1:1: unknown key "tunel"; did you mean "tunnel"?'],
  ],
  [
    'a key given twice in a block is refused',
    tunnel('mode = "client"'),
    [
      '2:1: "mode" is given again, first on line 1',
      '2:26: "listen" "0.0.0.0:8443" is the plaintext side and not on this machine alone: whoever reaches it speaks with this identity; unsafe_plaintext = true permits it',
    ],
  ],
  [
    'keys match in any case',
    'TUNNEL "a" { Mode = "server" LISTEN = "0.0.0.0:1" target = "[::1]:1" Allow { IDS = ["spiffe://td/a"] } }',
    [],
  ],
  [
    'two blocks with one label are refused',
    `${identity('x')}${identity('x')}${tunnel('')}`,
    ['2:1: identity "x" is there twice, first on line 1'],
  ],
  [
    'two admin blocks are refused',
    `admin { listen = "unix:a" }\nadmin { listen = "unix:b" }\n${tunnel('')}`,
    ['2:1: admin is there twice, first on line 1'],
  ],
  [
    'a block without its label is refused',
    `identity { }\n${tunnel('')}`,
    ['1:1: "identity" needs a label: identity "NAME" { … }'],
  ],
  ['a block with two labels is refused', `identity "a" "b" { }\n${tunnel('')}`, ['1:14: "identity" takes one label']],
  [
    'a label where none belongs is refused',
    `admin "x" { listen = "unix:a" }\n${tunnel('mode "x" { }', 'a', 'listen = "[::]:1" target = "[::1]:1" allow { ids = ["spiffe://td/a"] }')}`,
    ['1:7: "admin" takes no label', '2:19: "mode" takes no label'],
  ],
  [
    'a label that could not stand in a log is refused',
    `${identity('a b')}${tunnel('')}`,
    ['1:10: the label "a b" must start with a letter or digit and have only A-Z, a-z, 0-9, ".", "-" and "_"'],
  ],
  [
    'a tunnel without what it needs is refused once for each',
    'tunnel "a" { }',
    [
      '1:1: tunnel "a" has no "mode"',
      '1:1: tunnel "a" has no "listen"',
      '1:1: tunnel "a" has no "target"',
      '1:1: tunnel "a" has no "allow"',
    ],
  ],
  [
    'a mode that is none is refused',
    tunnel('', 'a', 'mode = "clent" listen = "[::1]:1" target = "[::1]:2" allow { ids = ["spiffe://td/a"] }'),
    ['2:8: "mode" needs "client" or "server", not "clent"'],
  ],
  [
    'an identity that is not there is refused',
    `${identity('edge')}${tunnel('identity = "egde"')}`,
    ['2:25: there is no identity "egde"; did you mean "edge"?'],
  ],
  [
    'a tunnel must name its identity when there are two',
    `${identity('a')}${identity('b')}${tunnel('')}`,
    ['3:1: tunnel "a" has no "identity", and there are 2 to choose from'],
  ],
  [
    'a key provider that is not there is refused',
    `${identity('a', 'key_provider = "hsm"')}${tunnel('')}`,
    ['1:31: there is no key_provider "hsm"'],
  ],
  [
    'a client that listens for others is refused',
    tunnel('listen = "0.0.0.0:1"', 'a', client),
    [
      '1:23: "listen" "0.0.0.0:1" is the plaintext side and not on this machine alone: whoever reaches it speaks with this identity; unsafe_plaintext = true permits it',
    ],
  ],
  [
    'a client that listens for others on purpose is accepted',
    tunnel('listen = "0.0.0.0:1" unsafe_plaintext = true', 'a', client),
    [],
  ],
  [
    'a server that forwards to another machine is refused',
    tunnel(
      'target = "db.example.org:5432"',
      'a',
      'mode = "server" listen = "[::]:1" allow { unsafe_allow_any = true }',
    ),
    [
      '1:23: "target" "db.example.org:5432" is the plaintext side and not on this machine alone: what peers send goes on in plaintext; unsafe_plaintext = true permits it',
    ],
  ],
  [
    'keys of a unix socket beside a TCP address are refused',
    tunnel('socket_mode = 0660 owner = "root" group = "mqtt" allow_uids = [0]'),
    [
      '1:28: "socket_mode" is for a unix socket, and "listen" is 0.0.0.0:8443',
      '1:41: "owner" is for a unix socket, and "listen" is 0.0.0.0:8443',
      '1:56: "group" is for a unix socket, and "listen" is 0.0.0.0:8443',
      '1:76: "allow_uids" is for a unix socket, and "listen" is 0.0.0.0:8443',
    ],
  ],
  [
    'a file mode in decimal is refused',
    tunnel('socket_mode = 660', 'a', unixServer),
    ['1:28: "socket_mode" needs an octal file mode with a leading zero, from 0001 to 0777, such as 0600'],
  ],
  [
    'a file mode with more than permissions is refused',
    tunnel('socket_mode = "04755"', 'a', unixServer),
    ['1:28: "socket_mode" needs an octal file mode with a leading zero, from 0001 to 0777, such as 0600'],
  ],
  [
    'users and groups that are not there are refused',
    tunnel('owner = "nobdy" group = "a:b" allow_uids = [-1, 4294967295]', 'a', unixServer),
    [
      '1:22: "owner" names a user that is not in /etc/passwd; one from a directory service needs its number',
      '1:38: "group" needs a group by name or number',
      '1:58: "allow_uids" needs a user by name or number',
      '1:62: "allow_uids" needs a user by name or number',
    ],
  ],
  [
    'an empty list of uids is refused',
    tunnel('allow_uids = []', 'a', unixServer),
    ['1:27: "allow_uids" is an empty list'],
  ],
  [
    'server_name in a server is refused',
    tunnel('server_name = "x"'),
    ['1:28: "server_name" is what a client sends, and "mode" is "server"'],
  ],
  [
    'an address as server_name is refused',
    tunnel('server_name = "10.0.0.1" listen = "[::1]:1"', 'a', client),
    ['1:28: "server_name" is an address; TLS sends names only'],
  ],
  [
    'one address for two listeners is refused',
    `${tunnel('')}\n${tunnel('', 'b')}`,
    ['4:26: "listen" "0.0.0.0:8443" is the address of tunnel "a" too'],
  ],
  [
    'a port of every address is refused to another listener',
    `${tunnel('')}\nmetrics { listen = "127.0.0.1:8443" }`,
    ['3:20: "listen" "127.0.0.1:8443" is the address of tunnel "a" too'],
  ],
  [
    '[::] takes the port of IPv4 too',
    `metrics { listen = "[::]:8443" }\n${tunnel('')}`,
    ['1:20: "listen" "[::]:8443" is the address of tunnel "a" too'],
  ],
  [
    'localhost is both loopback addresses',
    `metrics { listen = "localhost:1" }\n${tunnel('listen = "[0::1]:1"', 'a', 'mode = "server" target = "[::1]:2" allow { unsafe_allow_any = true }')}`,
    ['1:20: "listen" "localhost:1" is the address of tunnel "a" too'],
  ],
  [
    'one socket for two listeners is refused, however it is written',
    `admin { listen = "unix:///run//x/../a.sock" }\n${tunnel('', 'a', unixServer)}`,
    ['1:18: "listen" "unix:/run//x/../a.sock" is the address of tunnel "a" too'],
  ],
  [
    'port 0 can be asked for twice',
    `metrics { listen = "127.0.0.1:0" }\n${tunnel('listen = "127.0.0.1:0"', 'a', 'mode = "server" target = "[::1]:2" allow { unsafe_allow_any = true }')}`,
    [],
  ],
  [
    'key_type with an agent is refused',
    `${identity('a', 'key_type = "ec-p256" key_rotation = "new"')}${tunnel('')}`,
    [
      '1:27: "key_type" is for keys the sidecar makes; with source "workload-api" the agent makes the key',
      '1:52: "key_rotation" is for keys the sidecar makes; with source "workload-api" the agent makes the key',
    ],
  ],
  [
    'authority_address with an agent is refused',
    `${identity('a', 'authority_address = "unix:a"')}${tunnel('')}`,
    ['1:36: "authority_address" is for source "authority"; the agent is named by "agent_address"'],
  ],
  [
    'spiffe_id beside hint is refused',
    `${identity('a', 'spiffe_id = "spiffe://td/a" hint = "a"')}${tunnel('')}`,
    ['1:51: "spiffe_id" and "hint" both choose the SVID: keep one'],
  ],
  [
    'an authority identity without address and ID is refused',
    `${identity('a', 'source = "authority"')}${tunnel('')}`,
    [
      '1:1: identity "a" has no "authority_address", which source "authority" needs',
      '1:1: identity "a" has no "spiffe_id", which source "authority" needs',
    ],
  ],
  [
    'an authority address that is no socket is refused',
    `${identity('a', 'source = "authority" authority_address = "127.0.0.1:1" spiffe_id = "spiffe://td/a"')}${tunnel('')}`,
    ['1:57: "authority_address" needs a unix socket: the authority knows its callers by their uid'],
  ],
  [
    'hint with an authority is refused',
    `${identity('a', `${fromAuthority} hint = "x"`)}${tunnel('')}`,
    ['1:111: "hint" is for source "workload-api"; source "authority" asks for its "spiffe_id"'],
  ],
  [
    'a key type that is none is refused',
    `${identity('a', `${fromAuthority} key_type = "ed25519"`)}${tunnel('')}`,
    [
      '1:115: "key_type" needs "ec-p256" or "ec-p384" or "ec-p521" or "rsa-2048" or "rsa-3072" or "rsa-4096", not "ed25519"',
    ],
  ],
  [
    'a source that comes later is refused, and its keys',
    `${identity('a', 'source = "spire-server" server_address = "x:1" attestation "join_token" { }')}${tunnel('')}`,
    [
      '1:25: source "spire-server" is not supported by this version',
      '1:40: "server_address" is not supported by this version',
      '1:63: "attestation" is not supported by this version',
    ],
  ],
  [
    'a source that is none is refused',
    `${identity('a', 'source = "autority"')}${tunnel('')}`,
    ['1:25: "source" needs "workload-api" or "authority", not "autority"; did you mean "authority"?'],
  ],
  [
    'an authority that is no unix socket is refused',
    'authority "l" { listen = "127.0.0.1:1" trust_domain = "td" }',
    ['1:26: "listen" of authority "l" needs a unix socket: the authority knows its callers by their uid'],
  ],
  [
    'an authority whose SVIDs outlive it is refused',
    authority('svid_ttl = "2h" ca_ttl = "1h"'),
    ['1:76: "svid_ttl" must be shorter than "ca_ttl": an SVID does not outlive what signed it'],
  ],
  [
    'a CA key on a disk without a provider is refused',
    authority('data_dir = "/var/lib/l"'),
    ['1:76: "data_dir" needs a "key_provider": the CA key is not written to a disk in the clear'],
  ],
  [
    'an admin address that is no unix socket is refused',
    `admin { listen = "127.0.0.1:1" }\n${tunnel('')}`,
    ['1:18: "listen" of admin needs a unix socket: whoever reaches it can reload'],
  ],
  [
    'a provider type that comes later is refused',
    `key_provider "h" { type = "Pkcs11" module = "x" }\n${tunnel('')}`,
    ['1:27: key provider type "Pkcs11" is not supported by this version'],
  ],
  [
    'a provider type that is none is refused',
    `key_provider "h" { type = "Softwre" }\n${tunnel('')}`,
    ['1:27: "type" needs "Software", not "Softwre"; did you mean "Software"?'],
  ],
  [
    'a key no provider knows is refused',
    `key_provider "h" { type = "Software" stor = "memory" }\n${tunnel('')}`,
    ['1:38: unknown key "stor" in key_provider "h"; did you mean "store"?'],
  ],
  [
    'a provider key of the wrong type or given twice is refused',
    `key_provider "h" { type = "Software" store = [] store = "memory" }\n${tunnel('')}`,
    ['1:46: "store" needs a string, not a list', '1:49: "store" is given again, first on line 1'],
  ],
  [
    'both spellings of the agent address are refused',
    `agent_address = "/a"\nagentAddress = "/a"\n${tunnel('')}`,
    ['2:16: use of agent_address and agentAddress found, use only agent_address'],
  ],
  [
    'an agent address that is none is refused',
    `agent_address = "tcp://agent:1"\n${tunnel('')}`,
    [
      '1:17: "agent_address" is invalid: the address of the Workload API is invalid: a tcp address is tcp://IP:PORT and nothing else',
    ],
  ],
  [
    'hint outside of the identity blocks is refused when there are some',
    `hint = "x"\n${identity('a')}${tunnel('')}`,
    ['1:8: "hint" belongs into the identity block it chooses the SVID of'],
  ],
  [
    'a broken block is not accused of what it lost',
    'tunnel "a" {\n  mode server\n  listen = "[::1]:1"\n}',
    ['2:3: "mode" has no value: expected "=" or "{"'],
  ],
]

for (const [requirement, text, faults] of cases) {
  test(requirement, () => {
    assert.deepEqual(faultsOf(text), faults)
  })
}

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
