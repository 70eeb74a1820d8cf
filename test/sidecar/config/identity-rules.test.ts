import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultsOf, tunnel } from './faults-of.js'

const identity = (label: string, keys = '') => `identity "${label}" { ${keys} }\n`
const fromAuthority = 'source = "authority" authority_address = "unix:/run/l.sock" spiffe_id = "spiffe://td/a"'
const authority = (keys: string) => `authority "l" { listen = "unix:/run/l.sock" trust_domain = "td" ${keys} }`

const spire = (keys: string) =>
  `state_dir = "/var/lib/s"\n${identity('a', `source = "spire-server" spiffe_id = "spiffe://td/a" server_address = "h:1" ${keys}`)}`
const hsm =
  'key_provider "hsm" { type = "Pkcs11" module = "/m.so" token_label = "l" user_pin_file = "/p" key_store_dir = "/s" }\n'

const cases: readonly (readonly [requirement: string, text: string, faults: readonly string[]])[] = [
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
    'an identity of a SPIRE server without what it needs is refused',
    `${identity('a', 'source = "spire-server"')}${tunnel('')}`,
    [
      '1:1: identity "a" has no "server_address", which source "spire-server" needs',
      '1:1: identity "a" has no "spiffe_id", which source "spire-server" needs',
      '1:1: identity "a" has no "attestation", which source "spire-server" needs',
      '1:1: identity "a" needs "state_dir" outside of blocks, to keep what its attestation gave',
      '1:1: identity "a" has no "trust_bundle_path" or "trust_bundle_url": by which is the server known?',
    ],
  ],
  [
    'keys of the SPIRE server are refused with another source',
    `${identity('a', 'poll_interval = "5s"')}${tunnel('')}`,
    ['1:32: "poll_interval" is for source "spire-server"'],
  ],
  [
    'unsafe_bootstrap with a key in a device is refused',
    `${spire('unsafe_bootstrap = true key_provider = "hsm" attestation "join_token" { token_file = "t" }')}${hsm}${tunnel('')}`,
    [
      '2:110: "unsafe_bootstrap" believes whoever answers, which a key in a device is not kept for: give a trust bundle',
    ],
  ],
  [
    'two ways to know the server are refused',
    `${spire('trust_bundle_path = "b" trust_bundle_url = "http://x/" attestation "join_token" { token_file = "t" }')}${tunnel('')}`,
    [
      '2:134: "trust_bundle_url" stands beside "trust_bundle_path": keep one',
      '2:134: "trust_bundle_url" needs a URL that begins with https://',
    ],
  ],
  [
    'an attestation that is none is refused',
    `${spire('trust_bundle_path = "b" attestation "join_tokens" { }')}${tunnel('')}`,
    ['2:127: "attestation" needs "join_token" or "x509pop", not "join_tokens"; did you mean "join_token"?'],
  ],
  [
    'keys of another attestation are refused',
    `${spire('trust_bundle_path = "b" attestation "join_token" { token_file = "t" mode = "spiffe" }')}${tunnel('')}`,
    ['2:166: "mode" does nothing in attestation "join_token"'],
  ],
  [
    'an x509pop whose key is in two places is refused',
    `${spire('trust_bundle_path = "b" attestation "x509pop" { certificate_path = "c" private_key_path = "k" key_name = "k" }')}${tunnel('')}`,
    ['2:127: the key of "certificate_path" is either in "private_key_path", or in "key_provider" by "key_name"'],
  ],
  [
    'a trust domain other than that of the ID is refused',
    `${spire('trust_domain = "other" trust_bundle_path = "b" attestation "join_token" { token_file = "t" }')}${tunnel('')}`,
    ['2:106: "trust_domain" is not that of "spiffe_id", "td": a server issues for its own only'],
  ],
  [
    'a key type that SPIRE does not sign for is refused',
    `${spire('key_type = "ec-p521" trust_bundle_path = "b" attestation "join_token" { token_file = "t" }')}${tunnel('')}`,
    ['2:102: "key_type" with source "spire-server" needs one of "ec-p256", "ec-p384", "rsa-2048", "rsa-4096"'],
  ],
  [
    'a source that is none is refused',
    `${identity('a', 'source = "autority"')}${tunnel('')}`,
    ['1:25: "source" needs "workload-api" or "authority" or "spire-server", not "autority"; did you mean "authority"?'],
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
    `key_provider "h" { type = "Parsec" endpoint = "x" }\n${tunnel('')}`,
    ['1:27: key provider type "Parsec" is not supported by this version'],
  ],
  [
    'a provider type that is none is refused',
    `key_provider "h" { type = "Softwre" }\n${tunnel('')}`,
    ['1:27: "type" needs "Software" or "Pkcs11" or "Tpm", not "Softwre"; did you mean "Software"?'],
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
