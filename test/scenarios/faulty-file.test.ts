import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { svidecar, temporaryFolder } from './running-sidecar.js'

for (const command of ['run', 'validate'] as const) {
  test(`a configuration file with ten faults gets ten lines and exit 1 from ${command}`, async (t) => {
    const file = join(temporaryFolder(t), 'svidecar.conf')
    writeFileSync(
      file,
      [
        'agent_address = 7.5',
        'no_such_key = 1',
        'tunnel "a" {',
        '  mode   = "sideways"',
        '  listen = "127.0.0.1:99999"',
        '  target = ""',
        '  allow { ids = ["spiffe://UPPER/x"] trust_domains = ["a/b"] }',
        '  handshake_timeout = "soon"',
        '  max_connections = -1',
        '  min_tls_version = "1.1"',
        '}',
      ].join('\n'),
    )
    const { status, stderr } = await svidecar([command, '--config', file])
    assert.equal(status, 1)
    const lines = stderr.trimEnd().split('\n')
    assert.equal(lines.length, 10, stderr)
    for (const line of lines) assert.match(line, /svidecar\.conf:\d+:\d+: \S/)
  })
}
