import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'

import { backend, echo, folder, makeCast, openTunnel, readSome, tlsClient } from './fixture.js'

const cast = makeCast()

/** What `openssl s_client` says of a connection. */
async function openssl(t: TestContext, home: string, port: number, ...flags: string[]): Promise<string> {
  const own = ['-cert', 'cert.pem', '-key', 'key.pem']
  const client = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...own, ...flags], { cwd: home })
  t.after(() => client.kill())
  let said = ''
  client.stdout.on('data', (chunk) => {
    said += String(chunk)
    // The echo comes after everything that is said about the session.
    if (said.includes('\nhello\n')) client.stdin.end()
  })
  client.stdin.write('hello\n')
  await once(client, 'close')
  return said
}

describe('a session', { timeout: 60_000 }, () => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`of ${version} that Node offers to resume is never resumed`, async (t) => {
      const { endpoint } = await backend(t, echo)
      const { port } = await openTunnel(t, cast, endpoint, { settings: { minTlsVersion: '1.2' } })
      const versions = { minVersion: version, maxVersion: version }
      const first = tlsClient(t, port, cast.client, versions)
      let tickets = 0
      if (version === 'TLSv1.3') first.on('session', () => (tickets += 1))
      first.write('x')
      await readSome(first)
      assert.equal(first.getProtocol(), version)
      assert.equal(tickets, 0)
      const second = tlsClient(t, port, cast.client, { ...versions, session: first.getSession() })
      second.write('x')
      await readSome(second)
      assert.equal(second.isSessionReused(), false)
    })
  }

  it('that openssl keeps of TLS 1.2 has no ticket and no ID to resume by', async (t) => {
    const home = folder(t)
    writeFileSync(join(home, 'cert.pem'), cast.client.chainPem)
    writeFileSync(join(home, 'key.pem'), cast.client.keyPem)
    const { endpoint } = await backend(t, echo)
    const { port } = await openTunnel(t, cast, endpoint, { settings: { minTlsVersion: '1.2' } })
    const said = await openssl(t, home, port, '-tls1_2', '-sess_out', 'session.pem')
    assert.match(said, /Extended master secret: yes/)
    assert.match(said, /Session-ID: *\n/)
    assert.doesNotMatch(said, /TLS session ticket/)
    assert.equal(existsSync(join(home, 'session.pem')), false)
  })

  it('of TLS 1.2 needs to be asked for', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { port, outcome } = await openTunnel(t, cast, endpoint)
    const client = tlsClient(t, port, cast.client, { maxVersion: 'TLSv1.2' })
    await new Promise((resolve) => client.once('close', resolve))
    assert.equal((await outcome()).outcome, 'tls_version')
  })
})
