import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseEndpointAddress, resolveEndpointAddress } from '../../../workload-api/index.js'

const valid: readonly (readonly [text: string, target: string, display: string])[] = [
  ['/run/agent.sock', 'unix:///run/agent.sock', 'unix:///run/agent.sock'],
  ['unix:/run/agent.sock', 'unix:///run/agent.sock', 'unix:///run/agent.sock'],
  ['unix:///run/agent.sock', 'unix:///run/agent.sock', 'unix:///run/agent.sock'],
  ['unix:///run/my%20agent.sock', 'unix:///run/my agent.sock', 'unix:///run/my agent.sock'],
  ['/run/my%20agent?.sock', 'unix:///run/my%20agent?.sock', 'unix:///run/my%20agent?.sock'],
  ['//run/agent.sock', 'unix:////run/agent.sock', 'unix:////run/agent.sock'],
  ['tcp://127.0.0.1:8000', 'ipv4:127.0.0.1:8000', 'tcp://127.0.0.1:8000'],
  ['tcp://[::1]:65535', 'ipv6:[::1]:65535', 'tcp://[::1]:65535'],
]

const invalid: readonly (readonly [text: string, why: string])[] = [
  ['', 'empty'],
  ['run/agent.sock', 'a relative path'],
  ['unix:run/agent.sock', 'a relative path in a URI'],
  ['unix://run/agent.sock', 'an authority, which a forgotten slash makes of the first folder'],
  ['unix://user@/run/agent.sock', 'userinfo'],
  ['unix://', 'no path'],
  ['unix:', 'nothing'],
  ['unix:///run/', 'a directory'],
  ['/', 'the root'],
  ['unix:///run/agent.sock?x=y', 'a query'],
  ['unix:///run/agent.sock#x', 'a fragment'],
  ['unix:///run/agent%00.sock', 'an encoded NUL'],
  ['unix:///run/agent%zz.sock', 'broken percent-encoding'],
  ['/run/agent\n.sock', 'a newline'],
  [`/${'x'.repeat(107)}`, 'a path the system would cut off'],
  ['UNIX:///run/agent.sock', 'another scheme'],
  ['http://127.0.0.1:80', 'another scheme'],
  ['npipe:agent', 'another scheme'],
  ['tcp:127.0.0.1:8000', 'no slashes'],
  ['tcp://127.0.0.1', 'no port'],
  ['tcp://127.0.0.1:', 'an empty port'],
  ['tcp://127.0.0.1:0', 'port 0'],
  ['tcp://127.0.0.1:08', 'a port with a leading zero'],
  ['tcp://127.0.0.1:65536', 'a port too large'],
  ['tcp://localhost:8000', 'a name, which somebody else may answer for'],
  ['tcp://0x7f000001:8000', 'a number that some parsers take for an address'],
  ['tcp://127.1:8000', 'a short form that some parsers take for an address'],
  ['tcp://256.0.0.1:8000', 'a number too large'],
  ['tcp://::1:8000', 'IPv6 without brackets'],
  ['tcp://[::1%25eth0]:8000', 'a zone'],
  ['tcp://user@127.0.0.1:8000', 'userinfo'],
  ['tcp://127.0.0.1:8000/', 'a trailing slash'],
  ['tcp://127.0.0.1:8000/foo', 'a path'],
  ['tcp://127.0.0.1:8000?x', 'a query'],
  ['tcp://127.0.0.1:8000#x', 'a fragment'],
  [' tcp://127.0.0.1:8000', 'a leading space'],
]

describe('the address of a Workload API', () => {
  for (const [text, target, display] of valid) {
    test(`may be ${text}`, () => {
      const address = parseEndpointAddress(text)
      assert.equal(address.target, target)
      assert.equal(address.display, display)
      assert.equal(address.path, address.kind === 'unix' ? display.slice('unix://'.length) : undefined)
    })
  }

  for (const [text, why] of invalid) {
    test(`is refused: ${why} (${JSON.stringify(text).slice(0, 40)})`, () =>
      assert.throws(() => parseEndpointAddress(text), { name: 'SpiffeError', code: 'ERR_ENDPOINT_ADDRESS_INVALID' }))
  }

  test('is what was given, else what the environment says, else missing', () => {
    const environment = { SPIFFE_ENDPOINT_SOCKET: 'unix:///run/env.sock' }
    assert.equal(resolveEndpointAddress('/run/given.sock', environment).path, '/run/given.sock')
    assert.equal(resolveEndpointAddress(undefined, environment).path, '/run/env.sock')
    for (const nothing of [{}, { SPIFFE_ENDPOINT_SOCKET: '' }]) {
      assert.throws(() => resolveEndpointAddress(undefined, nothing), { code: 'ERR_ENDPOINT_ADDRESS_MISSING' })
    }
  })
})
