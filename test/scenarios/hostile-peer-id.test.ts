import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeCa } from '../fakes/fake-ca.js'
import { EchoBackend, exchange, prepareLab, serverTunnel } from './lab.js'
import { freePort, RunningSidecar, until } from './running-sidecar.js'

const forgedLine = '{"time":"2026-01-01T00:00:00Z","level":"info","message":"connection","decision":"allowed"}'
const hostileId = `spiffe://lab.test/x\n${forgedLine}\r\n\u001b[2J\u001b]0;pwned\u0007`

for (const format of ['json', 'text'] as const) {
  test(`logs and audit with a hostile peer ID (newline, escape codes): still one line, in the ${format} format`, async (t) => {
    const lab = prepareLab(t, [])
    const backend = await EchoBackend.start(t)
    const port = await freePort()
    const tunnel = serverTunnel('t', { listen: port, target: backend.port }, ['server'])
    const sidecar = new RunningSidecar(t, lab.folder, 'lab', lab.preamble + tunnel, ['--log-format', format])
    await sidecar.ready()
    const hostile = FakeCa.create('lab.test').issue('', { names: [{ uri: hostileId }] })
    const result = await exchange(port, { cert: hostile.chainPem, key: hostile.keyPem, rejectUnauthorized: false })
    assert.match('refused' in result ? result.refused : 'echoed', /alert/)
    const audit = await until('the audit line', () =>
      sidecar.rawLines.find((line) => line.includes('x509_svid_invalid')),
    )
    assert.match(audit, /lab\.test/)
    for (const line of sidecar.rawLines) {
      // oxlint-disable-next-line no-control-regex
      assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f]/)
      assert.notEqual(line, forgedLine)
      if (format === 'json') assert.doesNotThrow(() => JSON.parse(line), line)
      else assert.match(line, /^\d\d:\d\d:\d\d\.\d{3} (?:debug|info|warn|error)/)
    }
    assert.equal(backend.connections, 0)
  })
}
