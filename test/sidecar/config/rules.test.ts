import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultsOf, tunnel } from './faults-of.js'

const identity = (label: string, keys = '') => `identity "${label}" { ${keys} }\n`
const unixServer =
  'mode = "server" listen = "unix:/run/a.sock" target = "127.0.0.1:80" allow { unsafe_allow_any = true }'
const client = 'mode = "client" target = "cloud.example.org:8443" allow { unsafe_allow_any = true }'

const cases: readonly (readonly [requirement: string, text: string, faults: readonly string[]])[] = [
  [
    'a file with nothing to run is refused',
    'shutdown_timeout = "5s"',
    ['1:1: there is nothing to run: the file has neither a tunnel, an output nor an authority'],
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
]

for (const [requirement, text, faults] of cases) {
  test(requirement, () => {
    assert.deepEqual(faultsOf(text), faults)
  })
}
