import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SecureVersion } from 'node:tls'

import { Acceptor, dial, tlsClient } from './link.js'
import { Recording } from './recording.js'
import { ResumingServer, type SessionKind } from './resuming-server.js'
import { loopback, type Mode, TunnelLab, welcomeId } from './tunnel-lab.js'

/** TLS 1.3 knows tickets only. */
const versions: Readonly<Partial<Record<SecureVersion, readonly SessionKind[]>>> = {
  'TLSv1.2': ['ticket', 'id'],
  'TLSv1.3': ['ticket'],
}
const connections = 3

interface Visit {
  readonly reused: boolean
  readonly echoed: string
  /** What could be offered next time. */
  readonly session: Buffer | undefined
}

async function visit(port: number, version: SecureVersion, session?: Buffer): Promise<Visit> {
  const versionOnly = { minVersion: version, maxVersion: version }
  const tls = tlsClient(dial({ host: '127.0.0.1', port }), { ...versionOnly, ...(session ? { session } : {}) })
  let reused = false
  let offered: Buffer | undefined
  tls.on('session', (fresh) => (offered = fresh))
  tls.on('secureConnect', () => {
    reused = tls.isSessionReused()
    // In TLS 1.3 nothing can be offered before a ticket has come.
    if (version === 'TLSv1.2') offered ??= tls.getSession()
  })
  const peer = new Recording(tls)
  tls.end('hello')
  await peer.untilEnded()
  return { reused, echoed: peer.text, session: offered }
}

/** A session that is resumed where it was made: the offer is a real one. */
async function sessionOfAnother(version: SecureVersion, kind: SessionKind): Promise<Buffer> {
  await using server = await ResumingServer.start(version, kind)
  const { session } = await visit(server.port, version)
  assert.ok(session)
  assert.equal((await visit(server.port, version, session)).reused, true, 'a session that could be resumed')
  return session
}

function openLab(mode: Mode, port: number, version: SecureVersion): Promise<TunnelLab> {
  const minTlsVersion = version === 'TLSv1.2' ? '1.2' : '1.3'
  return TunnelLab.open({ mode, target: loopback(port), settings: { minTlsVersion } })
}

/** Whoever comes with a session makes a whole handshake and is known by its certificate. */
async function neverResumes(version: SecureVersion, kinds: readonly SessionKind[]): Promise<void> {
  await using backend = await Acceptor.open(undefined, (socket) => socket.pipe(socket))
  await using lab = await openLab('server', backend.port, version)
  const { session: own } = await visit(lab.port, version)
  if (version === 'TLSv1.3') assert.equal(own, undefined, 'the tunnel gave a ticket')
  const foreign = await Promise.all(kinds.map((kind) => sessionOfAnother(version, kind)))
  for (const session of [...foreign, ...(own ? [own] : [])]) {
    const { reused, echoed } = await visit(lab.port, version, session)
    assert.deepEqual([reused, echoed], [false, 'hello'])
  }
  await lab.ended(backend.sockets.length)
  assert.deepEqual(new Set(lab.outcomes.map(({ peer }) => peer)), new Set([welcomeId]))
}

/** A session ID may be sent, but only a made-up one, for middleboxes (RFC 8446 appendix D.4). */
async function neverOffers(version: SecureVersion, kind: SessionKind): Promise<void> {
  await using server = await ResumingServer.start(version, kind)
  await using lab = await openLab('client', server.port, version)
  for (let one = 0; one < connections; one += 1) {
    const plain = new Recording(dial({ host: '127.0.0.1', port: lab.port }))
    plain.socket.end('hello')
    await plain.untilEnded()
    assert.equal(plain.text, 'hello')
  }
  assert.deepEqual(server.reused, [false, false, false])
  assert.equal(server.known, 0, 'the tunnel offered a session of before')
  await lab.ended(connections)
  assert.deepEqual(new Set(lab.outcomes.map(({ peer }) => peer)), new Set([welcomeId]))
}

const clause = 'session IDs and tickets offered in TLS 1.2 and 1.3 never resume'

test(`${clause} (server mode)`, async (t) => {
  for (const [version, kinds] of Object.entries(versions)) {
    await t.test(version, () => neverResumes(version as SecureVersion, kinds))
  }
})

test(`${clause} (client mode)`, async (t) => {
  for (const [version, kinds] of Object.entries(versions)) {
    for (const kind of kinds) await t.test(`${version}, ${kind}`, () => neverOffers(version as SecureVersion, kind))
  }
})
