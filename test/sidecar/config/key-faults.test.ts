import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultsOf, tunnel } from './faults-of.js'

/** A key and a value of a tunnel, and what is wrong with it. */
const values: readonly (readonly [key: string, value: string, message: string | undefined])[] = [
  ['handshake_timeout', '"1m30s"', undefined],
  ['handshake_timeout', '"0s"', '"handshake_timeout" needs a duration from 1ms to 24h'],
  ['handshake_timeout', '"10"', '"handshake_timeout" needs a duration such as "10s" or "1m30s", not "10"'],
  ['handshake_timeout', '10', '"handshake_timeout" needs a duration such as "10s" or "1m30s", not "10"'],
  ['handshake_timeout', '["10s"]', '"handshake_timeout" needs a duration such as "10s", not a list'],
  ['handshake_timeout', 'true', '"handshake_timeout" needs a duration such as "10s", not true or false'],
  ['idle_timeout', '0', undefined],
  ['idle_timeout', '"-1s"', '"idle_timeout" needs a duration from 0s to 576h'],
  ['idle_timeout', '"9999h"', '"idle_timeout" needs a duration from 0s to 576h'],
  ['keepalive', '"500ms"', '"keepalive" needs a duration from 1s to 9h'],
  ['max_connections', '0x10', undefined],
  ['max_connections', '"0x10"', undefined],
  ['max_connections', '0', '"max_connections" needs a whole number from 1 to 1000000'],
  ['max_connections', '1.5', '"max_connections" needs a whole number from 1 to 1000000'],
  ['max_connections', '1e3', '"max_connections" needs a whole number from 1 to 1000000'],
  ['max_connections', '-1', '"max_connections" needs a whole number from 1 to 1000000'],
  ['max_connections', '99999999999999999999', '"max_connections" needs a whole number from 1 to 1000000'],
  ['max_connections', '{ }', '"max_connections" needs a whole number from 1 to 1000000, not a block'],
  ['max_handshakes', '100001', '"max_handshakes" needs a whole number from 1 to 100000'],
  ['close_on_expiry', 'true', undefined],
  ['close_on_expiry', '"true"', '"close_on_expiry" needs true or false without quotes, not a string'],
  ['close_on_expiry', '1', '"close_on_expiry" needs true or false without quotes, not a number'],
  ['min_tls_version', '1.2', undefined],
  ['min_tls_version', '"1.1"', '"min_tls_version" needs "1.3" or "1.2", not "1.1"'],
  ['key_exchange', '["X25519"]', undefined],
  ['key_exchange', '[]', '"key_exchange" is an empty list'],
  ['key_exchange', '"X25519"', '"key_exchange" needs a list, not a string'],
  [
    'key_exchange',
    '["x25519"]',
    '"key_exchange" needs "X25519MLKEM768" or "X25519" or "secp256r1" or "secp384r1", not "x25519"',
  ],
  ['key_exchange', '["X25519", "X25519"]', '"key_exchange" has "X25519" twice, first on line 1'],
  ['alpn', '["h2", "http/1.1"]', undefined],
  ['alpn', '[]', undefined],
  ['alpn', '[""]', '"alpn" needs names of 1 to 255 printable ASCII characters'],
  ['alpn', String.raw`["h\n"]`, '"alpn" needs names of 1 to 255 printable ASCII characters'],
]

for (const [key, value, message] of values) {
  test(`${key} = ${value} is ${message === undefined ? 'valid' : 'a fault'}`, () => {
    const prefix = `tunnel "a" { ${key} = `
    // A faulty element stands one after its list, the second of a pair where it stands.
    const element = /twice/.test(message ?? '')
      ? 11
      : /^\[./.test(value) && !/a list$|empty list/.test(message ?? '')
        ? 1
        : 0
    const expected = message === undefined ? [] : [`1:${prefix.length + 1 + element}: ${message}`]
    assert.deepEqual(faultsOf(tunnel(`${key} = ${value}`)), expected)
  })
}

const addresses: readonly (readonly [key: 'listen' | 'target', value: string, message: string | undefined])[] = [
  ['listen', '127.0.0.1:1', undefined],
  ['listen', 'localhost:1', undefined],
  ['listen', '[::1]:1', undefined],
  ['listen', '[::]:0', undefined],
  ['listen', 'unix:/run/a.sock', undefined],
  ['listen', 'unix:///run/a.sock', undefined],
  ['listen', 'unix:run/a.sock', undefined],
  ['listen', '', '"listen" is empty'],
  ['listen', '127.0.0.1', '"listen" has no port: write address:port'],
  ['listen', '127.0.0.1:', '"listen" needs a port from 0 to 65535 after the last colon'],
  ['listen', '127.0.0.1:65536', '"listen" needs a port from 0 to 65535 after the last colon'],
  ['listen', '127.0.0.1:http', '"listen" needs a port from 0 to 65535 after the last colon'],
  ['listen', '127.0.0.1:-1', '"listen" needs a port from 0 to 65535 after the last colon'],
  ['listen', ':8443', '"listen" has no host: for every address of the machine write 0.0.0.0:8443 or [::]:8443'],
  ['listen', '::1', '"listen" needs brackets around an IPv6 address and a port: [ADDRESS]:PORT'],
  ['listen', '::1:80:', '"listen" is no address: write address:port, [IPv6]:port or unix:PATH'],
  ['listen', '[::1]', '"listen" is no address: write address:port, [IPv6]:port or unix:PATH'],
  ['listen', '[::g]:1', '"listen" has no IPv6 address between its brackets'],
  ['listen', '[fe80::1%eth0]:1', '"listen" has a zone in its IPv6 address, which is not supported'],
  ['listen', 'tcp://127.0.0.1:1', '"listen" takes no scheme: write address:port or unix:PATH'],
  ['listen', '/run/a.sock', '"listen" needs "unix:" before the path of a socket'],
  ['listen', 'unix:', '"listen" has no path after "unix:"'],
  ['listen', 'unix://run/a.sock', '"listen" has a host in its unix address: write unix:PATH or unix:///PATH'],
  [
    'listen',
    'unix:@a',
    '"listen" is an abstract socket: anyone on the machine could take its name, use one in a directory',
  ],
  ['listen', 'unix:/run/', '"listen" is a directory, not a socket'],
  ['listen', String.raw`unix:/run/a\x00b`, '"listen" has a control character in its path'],
  ['listen', `unix:/${'a'.repeat(107)}`, '"listen" has a path of 108 bytes; a unix socket\'s path has at most 107'],
  ['listen', `unix:/${'a'.repeat(100)}`, '"listen" has a path of more than 100 bytes, too long to be bound'],
  [
    'listen',
    'edge.example.org:1',
    '"listen" needs an IP address or "localhost", not a name: whose address it is today may change',
  ],
  ['listen', '127.1:1', '"listen" has a malformed IPv4 address'],
  ['listen', '0x7f000001:1', '"listen" has a malformed IPv4 address'],
  ['listen', '127.0.0.256:1', '"listen" has a malformed IPv4 address'],
  ['listen', 'a_b c:1', '"listen" has no valid host name before the port'],
  ['target', '127.0.0.1:0', '"target" needs a port other than 0'],
  ['target', 'unix:/run/b.sock', undefined],
  ['target', '[::ffff:127.0.0.1]:80', undefined],
]

for (const [key, value, message] of addresses) {
  test(`the ${key} address "${value}" is ${message === undefined ? 'valid' : 'a fault'}`, () => {
    const other = key === 'listen' ? 'target = "127.0.0.1:80"' : 'listen = "127.0.0.1:81"'
    const text = `tunnel "a" { ${key} = "${value}"\n${other} mode = "server" allow { unsafe_allow_any = true } }`
    assert.deepEqual(faultsOf(text), message === undefined ? [] : [`1:23: ${message}`])
  })
}

const listing: readonly (readonly [allow: string, faults: readonly string[]])[] = [
  ['ids = ["spiffe://td/a", "spiffe://td/b"]', []],
  ['patterns = ["spiffe://td/*", "spiffe://td/a/**"]', []],
  ['trust_domains = ["td"]', []],
  ['unsafe_allow_any = true', []],
  ['', ['1:14: "allow" of tunnel "a" names nobody: name ids, patterns or trust_domains']],
  ['unsafe_allow_any = false', ['1:14: "allow" of tunnel "a" names nobody: name ids, patterns or trust_domains']],
  ['ids = []', ['1:28: "ids" is an empty list']],
  [
    'unsafe_allow_any = true ids = ["spiffe://td/a"]',
    ['1:52: "unsafe_allow_any" stands alone: with it a list would restrict nothing'],
  ],
  ['ids = ["spiffe://td"]', ['1:29: "ids" is the ID of a trust domain: a workload has a path after it']],
  ['ids = ["td/a"]', ['1:29: "ids" is invalid: the scheme is not "spiffe://"']],
  [
    'ids = ["spiffe://td/*"]',
    ['1:29: "ids" is invalid: the path has the character "*" U+002A; allowed are A-Z, a-z, 0-9, ".", "-" and "_"'],
  ],
  ['ids = ["spiffe://td/a", "spiffe://td/a"]', ['1:46: "ids" has "spiffe://td/a" twice, first on line 1']],
  ['trust_domains = ["spiffe://td"]', ['1:39: "trust_domains" takes the name of a trust domain, without "spiffe://"']],
  [
    'trust_domains = ["*"]',
    [
      '1:39: "trust_domains" is invalid: the trust domain has the character "*" U+002A; allowed are a-z, 0-9, ".", "-" and "_"',
    ],
  ],
  ['patterns = ["spiffe://*/a"]', ['1:34: "patterns" is invalid: a pattern names its trust domain: no "*" in it']],
  ['patterns = ["spiffe://td/**/a"]', ['1:34: "patterns" is invalid: "**" can only be the last segment']],
  [
    'patterns = ["spiffe://td/a*"]',
    ['1:34: "patterns" is invalid: "*" and "**" stand for whole segments, not for a part of one'],
  ],
  [
    'any = true',
    [
      '1:14: "allow" of tunnel "a" names nobody: name ids, patterns or trust_domains',
      '1:22: unknown key "any" in "allow"',
    ],
  ],
]

for (const [allow, faults] of listing) {
  test(`allow { ${allow} } ${faults.length === 0 ? 'is valid' : 'is refused'}`, () => {
    const base = 'mode = "server" listen = "0.0.0.0:8443" target = "127.0.0.1:80"'
    assert.deepEqual(faultsOf(tunnel(`allow { ${allow} }`, 'a', base)), faults)
  })
}
