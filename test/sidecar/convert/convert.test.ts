import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig, type Config } from '../../../sidecar/config/index.js'
import { convert, type Conversion } from '../../../sidecar/convert/convert.js'

const files = `svidFileName = "svid.pem"
svidKeyFileName = "svid_key.pem"
svidBundleFileName = "svid_bundle.pem"`

function parsed(text: string, path = 'helper.conf'): Config {
  return parseConfig(text, { path, env: {} })
}

function converted(text: string): Conversion & { readonly config: Config } {
  const conversion = convert([parsed(text)])
  return { ...conversion, config: parsed(conversion.text) }
}

function ghostunnel(args: string): string {
  return `cmd = "/opt/spire/ghostunnel"\ncmdArgs = "${args}"\ncertDir = "certs"\nrenewSignal = "SIGUSR1"\n${files}\n`
}

test('an old file becomes its new form, which does the same', () => {
  const old = `agentAddress = "/run/a.sock"
cmd = "nginx"
cmdArgs = "-g \\"daemon off;\\" $\{x}"
certDir = "certs"
renewSignal = "SIGHUP"
addIntermediatesToBundle = true
cert_file_mode = 0444
hint = "web"
jwt_svids = [{ jwt_audience = "a" jwt_extra_audiences = ["b"] jwt_svid_file_name = "a.jwt" }]
health_checks { listener_enabled = true bind_port = 8082 }
${files}
`
  const { text, isComplete, config } = converted(old)
  assert.equal(isComplete, true)
  assert.equal(
    text,
    `agent_address = "/run/a.sock"
cmd           = ["nginx", "-g", "daemon off;", "\\u0024{x}"]
renew_signal  = "SIGHUP"

identity "main" {
  hint = "web"
}

output "main" {
  identity                    = "main"
  dir                         = "certs"
  svid_file_name              = "svid.pem"
  svid_key_file_name          = "svid_key.pem"
  svid_bundle_file_name       = "svid_bundle.pem"
  add_intermediates_to_bundle = true
  cert_file_mode              = 0444
  jwt_svids = [
    { jwt_audience = "a" jwt_extra_audiences = ["b"] jwt_svid_file_name = "a.jwt" },
  ]
}

health_checks {
  listener_enabled = true
  bind_port        = 8082
  liveness_path    = "/live"
  readiness_path   = "/ready"
}
`,
  )
  const before = parsed(old)
  const rename = ({ outputs }: Config) => outputs.map((output) => ({ ...output, name: '', identity: '' }))
  assert.deepEqual(rename(config), rename(before))
  assert.deepEqual([config.process, config.health], [before.process, before.health])
  assert.deepEqual(config.warnings, [])
})

test('the two files of the KubeEdge demo become one file of two tunnels', () => {
  const id = 'spiffe://example.org/downstream-app-event-bus'
  const stores = '--cacert certs/svid_bundle.pem --keystore certs/new_bundle.p12'
  const agent = 'agentAddress = "/tmp/app-agent.sock"\n'
  const server = ghostunnel(
    `server --listen 192.168.56.102:18884 --target 127.0.0.1:2884 ${stores} --allow-uri-san ${id}`,
  )
  const client = ghostunnel(
    `client --listen 127.0.0.1:1884 --target 192.168.56.102:18884 ${stores} --verify-spiffe-id ${id}`,
  )
  const { text, isComplete } = convert([
    parsed(agent + server, '/opt/spire/event-bus/event-bus-helper.conf'),
    parsed(agent + client, '/opt/spire/user-app/user-app-helper.conf'),
  ])
  assert.equal(isComplete, true)
  assert.equal(
    text,
    `agent_address = "/tmp/app-agent.sock"

tunnel "event-bus" {
  mode   = "server"
  listen = "192.168.56.102:18884"
  target = "127.0.0.1:2884"
  allow {
    ids = ["${id}"]
  }
}

tunnel "user-app" {
  mode   = "client"
  listen = "127.0.0.1:1884"
  target = "192.168.56.102:18884"
  allow {
    ids = ["${id}"]
  }
}
`,
  )
  const { tunnels, identities, outputs } = parsed(text)
  assert.deepEqual([tunnels.length, identities.length, outputs.length], [2, 1, 0])
})

test('patterns keep what ghostunnel means by them', () => {
  const flags = ['spiffe://td/a/*/c', 'spiffe://td/b/**', 'spiffe://td/*/d/**', 'spiffe://td/**', 'spiffe://td/e/']
  const args = `server --listen :1 --target localhost:2 ${flags.map((flag) => `--allow-uri=${flag}`).join(' ')}`
  const { config } = converted(ghostunnel(args))
  assert.deepEqual(config.tunnels[0]?.allow, {
    any: false,
    ids: ['spiffe://td/b', 'spiffe://td/e'],
    patterns: ['spiffe://td/a/*/c', 'spiffe://td/b/**', 'spiffe://td/*/d/**', 'spiffe://td/*/d', 'spiffe://td/**'],
    trustDomains: [],
  })
  assert.deepEqual(config.tunnels[0]?.listen, { kind: 'tcp', host: '::', port: 1 })
})

test('a flag it does not know is a comment in the output', () => {
  const known = 'server --listen 127.0.0.1:1 --target unix:/run/x.sock --allow-uri spiffe://td/a'
  const { text, isComplete } = convert([parsed(ghostunnel(`${known} --allow-cn bob --proxy-protocol`))])
  assert.equal(isComplete, false)
  assert.deepEqual(text.split('\n').slice(0, 3), [
    '# helper.conf: ghostunnel --allow-cn bob has no counterpart here',
    '# helper.conf: ghostunnel --proxy-protocol has no counterpart here',
    '',
  ])
  assert.equal(parsed(text).tunnels.length, 1)
})

test('a line that says nobody by URI is not converted to one that lets everybody in', () => {
  const { text, isComplete } = convert([
    parsed(ghostunnel('server --listen 127.0.0.1:1 --target localhost:2 --allow-all')),
  ])
  assert.equal(isComplete, false)
  assert.match(text, /^# .*no flag says by URI who the other side must be/m)
  assert.throws(() => parsed(text), { code: 'ERR_CONFIG_INVALID' })
})

test('two files with programs of their own, or with two agents, do not fit into one', () => {
  const program = `cmd = "a"\n${files}\ncert_dir = `
  const both = convert([parsed(`${program}"x"`, 'a.conf'), parsed(`${program}"y"`, 'b.conf')])
  assert.match(both.text, /a file has one cmd/)
  const agents = convert([
    parsed(`agent_address = "/a"\n${files}`, 'a.conf'),
    parsed(`agent_address = "/b"\n${files}`, 'b.conf'),
  ])
  assert.match(agents.text, /different agents/)
  assert.deepEqual([both.isComplete, agents.isComplete], [false, false])
})

test('a file with blocks of our own is not converted', () => {
  const text = `${files}\noutput "x" { dir = "d" svid_file_name = "x" }`
  assert.throws(() => convert([parsed(text)]), { name: 'ConversionError' })
})
