import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configOf, faultsOf, tunnel } from './faults-of.js'

const sample = `
agent_address = "/run/spire/sockets/agent.sock"      # bare path, unix:/p, unix:///p, tcp://ip:port; or SPIFFE_ENDPOINT_SOCKET

key_provider "soft" {
  type = "Software"
}

identity "edgehub" {
  source       = "workload-api"
  spiffe_id    = "spiffe://example.org/edgehub"
  key_provider = "soft"
}

identity "lab" { source = "authority" authority_address = "unix:/run/lab.sock" spiffe_id = "spiffe://lab.test/a" }

authority "lab" { listen = "unix:/run/lab.sock" trust_domain = "lab.test" svid_ttl = "1h" ca_ttl = "24h" registration_file = "entries.hcl" data_dir = "/var/lib/lab" key_provider = "soft" }

tunnel "cloudcore" {
  mode     = "client"                      # client: plaintext in, mTLS out
  listen   = "127.0.0.1:10000"
  target   = "cloud.example.org:8443"
  identity = "edgehub"
  allow {
    ids           = ["spiffe://example.org/cloudcore"]
    patterns      = ["spiffe://example.org/edge/*/edgehub"]
    trust_domains = ["partner.org"]
  }
  alpn = []  server_name = ""
}

admin          { listen = "unix:/run/svidecar/admin.sock" }
metrics        { listen = "0.0.0.0:9400" }
`

const plainSocket = { mode: 0o600, owner: undefined, group: undefined, allowUids: undefined }

const sampleTunnel = {
  name: 'cloudcore',
  mode: 'client',
  listen: { kind: 'tcp', host: '127.0.0.1', port: 10000 },
  unixListen: undefined,
  target: { kind: 'tcp', host: 'cloud.example.org', port: 8443 },
  identity: 'edgehub',
  allow: {
    any: false,
    ids: ['spiffe://example.org/cloudcore'],
    patterns: ['spiffe://example.org/edge/*/edgehub'],
    trustDomains: ['partner.org'],
  },
  alpn: [],
  serverName: '',
  minTlsVersion: '1.3',
  keyExchange: ['X25519MLKEM768', 'X25519', 'secp256r1'],
  handshakeTimeoutMs: 10_000,
  connectTimeoutMs: 10_000,
  closeTimeoutMs: 60_000,
  idleTimeoutMs: 0,
  maxConnectionLifetimeMs: 0,
  maxConnections: 10_000,
  maxHandshakes: 1024,
  keepaliveMs: 60_000,
  closeOnExpiry: false,
  unsafePlaintext: false,
}

test('a file of every block gives the whole configuration, defaults included', () => {
  const { identities, authorities, keyProviders, tunnels, ...rest } = configOf(sample)
  assert.deepEqual(tunnels, [sampleTunnel])
  assert.deepEqual(identities, [
    {
      name: 'edgehub',
      source: 'workload-api',
      spiffeId: 'spiffe://example.org/edgehub',
      hint: undefined,
      keyProvider: 'soft',
      agentAddress: '/run/spire/sockets/agent.sock',
    },
    {
      name: 'lab',
      source: 'authority',
      spiffeId: 'spiffe://lab.test/a',
      hint: undefined,
      keyProvider: undefined,
      authorityAddress: 'unix:/run/lab.sock',
      keyType: 'ec-p256',
      keyRotation: 'new',
    },
  ])
  assert.deepEqual(authorities, [
    {
      name: 'lab',
      listen: { kind: 'unix', path: '/run/lab.sock' },
      unixListen: plainSocket,
      trustDomain: 'lab.test',
      svidTtlMs: 3_600_000,
      caTtlMs: 86_400_000,
      registrationFile: 'entries.hcl',
      dataDir: '/var/lib/lab',
      keyProvider: 'soft',
      keyType: 'ec-p256',
    },
  ])
  assert.deepEqual(
    keyProviders.map(({ name, type }) => ({ name, type })),
    [{ name: 'soft', type: 'Software' }],
  )
  assert.deepEqual(rest, {
    path: 'helper.conf',
    admin: { listen: { kind: 'unix', path: '/run/svidecar/admin.sock' }, unixListen: plainSocket },
    metrics: { listen: { kind: 'tcp', host: '0.0.0.0', port: 9400 }, unixListen: undefined },
    outputs: [],
    process: undefined,
    program: { renewSignal: undefined, stopTimeoutMs: 10_000 },
    health: undefined,
    workloadApi: undefined,
    daemonMode: true,
    shutdownTimeoutMs: 30_000,
    warnings: [],
  })
})

test('every key of a tunnel reaches the configuration', () => {
  const [read] = configOf(`tunnel "t" {
    mode = "client" listen = "unix:///run/t.sock" target = "[2001:DB8::1]:443" allow { unsafe_allow_any = true }
    socket_mode = 0660 owner = "edge" group = "mqtt" allow_uids = ["root", 1000]
    alpn = ["h2"] server_name = "x.example" min_tls_version = "1.2" key_exchange = ["secp384r1"]
    handshake_timeout = "1s" connect_timeout = "2s" close_timeout = "3s" idle_timeout = "4s"
    max_connection_lifetime = "5m" max_connections = 6 max_handshakes = 7 keepalive = "8s"
    close_on_expiry = true unsafe_plaintext = true
  }`).tunnels
  assert.deepEqual(read, {
    name: 't',
    mode: 'client',
    listen: { kind: 'unix', path: '/run/t.sock' },
    unixListen: { mode: 0o660, owner: 1000, group: 2000, allowUids: [0, 1000] },
    target: { kind: 'tcp', host: '2001:db8::1', port: 443 },
    identity: 'default',
    allow: { any: true },
    alpn: ['h2'],
    serverName: 'x.example',
    minTlsVersion: '1.2',
    keyExchange: ['secp384r1'],
    handshakeTimeoutMs: 1000,
    connectTimeoutMs: 2000,
    closeTimeoutMs: 3000,
    idleTimeoutMs: 4000,
    maxConnectionLifetimeMs: 300_000,
    maxConnections: 6,
    maxHandshakes: 7,
    keepaliveMs: 8000,
    closeOnExpiry: true,
    unsafePlaintext: true,
  })
})

test('the JSON form of a file gives the same configuration', () => {
  const json = {
    agent_address: '/run/spire/sockets/agent.sock',
    key_provider: { soft: { type: 'Software' } },
    identity: [
      { edgehub: { source: 'workload-api', spiffe_id: 'spiffe://example.org/edgehub', key_provider: 'soft' } },
      { lab: [{ source: 'authority', authority_address: 'unix:/run/lab.sock', spiffe_id: 'spiffe://lab.test/a' }] },
    ],
    authority: {
      lab: {
        listen: 'unix:/run/lab.sock',
        trust_domain: 'lab.test',
        svid_ttl: '1h',
        ca_ttl: '24h',
        registration_file: 'entries.hcl',
        data_dir: '/var/lib/lab',
        key_provider: 'soft',
      },
    },
    tunnel: {
      cloudcore: {
        mode: 'client',
        listen: '127.0.0.1:10000',
        target: 'cloud.example.org:8443',
        identity: 'edgehub',
        allow: {
          ids: ['spiffe://example.org/cloudcore'],
          patterns: ['spiffe://example.org/edge/*/edgehub'],
          trust_domains: ['partner.org'],
        },
      },
    },
    admin: { listen: 'unix:/run/svidecar/admin.sock' },
    metrics: [{ listen: '0.0.0.0:9400' }],
  }
  assert.deepEqual(configOf(JSON.stringify(json)), configOf(sample))
})

test('in JSON too a fault has its place', () => {
  const text = '{\n "tunnel": {"a": {"mode": 1, "alow": {}},\n  "b": 7},\n "admin": [1, 2]\n}'
  assert.deepEqual(
    faultsOf(text).filter((fault) => !fault.includes(' has no ')),
    [
      '2:27: "mode" needs "client" or "server", not "1"',
      '2:30: unknown key "alow" in tunnel "a"; did you mean "allow"?',
      '3:8: "tunnel" needs an object with a label for each key, not a number',
      '4:11: "admin" needs a block, not a list',
    ],
  )
})

test('a file without identity blocks has one identity, named default, from the agent', () => {
  const { identities, tunnels } = configOf(`agent_address = "unix:///a.sock" hint = "edge"\n${tunnel('')}`)
  assert.deepEqual(identities, [
    {
      name: 'default',
      source: 'workload-api',
      spiffeId: undefined,
      hint: 'edge',
      keyProvider: undefined,
      agentAddress: 'unix:///a.sock',
    },
  ])
  assert.deepEqual(
    tunnels.map(({ identity }) => identity),
    ['default'],
  )
})

test('an authority alone needs no identity', () => {
  const { identities } = configOf('authority "l" { listen = "unix:/run/l.sock" trust_domain = "td" }')
  assert.deepEqual(identities, [])
})

test('a tunnel may leave its identity out when there is exactly one', () => {
  assert.equal(configOf(`identity "only" { }\n${tunnel('')}`).tunnels[0]?.identity, 'only')
})

function agentOf(text: string, env: Readonly<Record<string, string>>): string | undefined {
  const [identity] = configOf(`${text}\n${tunnel('')}`, env).identities
  return identity?.source === 'workload-api' ? identity.agentAddress : undefined
}

test('the agent is named by the file, then SPIFFE_ENDPOINT_SOCKET, then SPIRE_AGENT_ADDRESS, then the default', () => {
  const env = { SPIFFE_ENDPOINT_SOCKET: 'unix:///env.sock', SPIRE_AGENT_ADDRESS: '/old.sock' }
  assert.equal(agentOf('agent_address = "/file.sock"', env), '/file.sock')
  assert.equal(agentOf('', env), 'unix:///env.sock')
  assert.equal(agentOf('agent_address = ""', env), 'unix:///env.sock')
  assert.equal(agentOf('', { SPIFFE_ENDPOINT_SOCKET: '', SPIRE_AGENT_ADDRESS: '/old.sock' }), '/old.sock')
  assert.equal(agentOf('', {}), '/tmp/spire-agent/public/api.sock')
})

for (const address of ['/a.sock', 'unix:/a.sock', 'unix:///a.sock', 'tcp://127.0.0.1:8081', 'tcp://[::1]:8081']) {
  test(`the agent address ${address} is accepted in the file and in the environment`, () => {
    assert.equal(agentOf(`agent_address = "${address}"`, {}), address)
    assert.equal(agentOf('', { SPIFFE_ENDPOINT_SOCKET: address }), address)
  })
}

test('a bad address in the environment is a fault of the whole file, when an agent is asked at all', () => {
  const env = { SPIFFE_ENDPOINT_SOCKET: 'agent.sock\u001b[2J' }
  const message =
    'the environment variable SPIFFE_ENDPOINT_SOCKET, "agent.sock\\u001b[2J", is invalid: the address of the Workload API is invalid: it is neither an absolute path nor starts with "unix:" or "tcp://"'
  assert.deepEqual(faultsOf(tunnel(''), env), [`1:1: ${message}`])
  assert.deepEqual(faultsOf('authority "l" { listen = "unix:/run/l.sock" trust_domain = "td" }', env), [])
})

test('SPIRE_AGENT_ADDRESS is accepted with a warning', () => {
  const { warnings } = configOf(tunnel(''), { SPIRE_AGENT_ADDRESS: '/old.sock' })
  assert.deepEqual(warnings, [
    { line: 1, column: 1, message: 'SPIRE_AGENT_ADDRESS is deprecated, use SPIFFE_ENDPOINT_SOCKET' },
  ])
})

test('a file with ten faults gets ten lines, in the order of the file', () => {
  const text = `agentAdress = "/a"
svid_file_name = "svid.pem"
tunnel "a" {
  mode   = "servr"
  listen = "0.0.0.0"
  target = 'x'
  handshake_timeout = 10s
  allow { ids = ["spiffe://TD/a"] }
  max_connections = -1
}
tunnel "b" {
  mode = "client" listen = "127.0.0.1:1" target = "x:1" identity = "nobody"
}
`
  assert.deepEqual(
    faultsOf(text).map((fault) => fault.split(':', 2).join(':')),
    ['1:1', '2:18', '4:12', '5:12', '6:12', '7:23', '8:18', '9:21', '11:1', '12:68'],
  )
})

test('ten thousand IDs in a tunnel and a thousand tunnels are within bounds', () => {
  const ids = Array.from({ length: 10_000 }, (_, index) => `"spiffe://example.org/edge/node-${index}/eventbus"`)
  const base = 'mode = "server" target = "127.0.0.1:80"'
  const large = tunnel(`listen = "0.0.0.0:1" allow { ids = [${ids.join(', ')}] }`, 'large', base)
  const many = Array.from({ length: 1000 }, (_, index) =>
    tunnel(`listen = "0.0.0.0:${index + 2}" allow { trust_domains = ["td"] }`, `t${index}`, base),
  )
  const { tunnels } = configOf([large, ...many].join('\n'))
  assert.equal(tunnels.length, 1001)
})
