import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'

import { startProgram } from './child-process.js'
import { clientHello } from './client-hello.js'
import { JsSigner } from './js-signer.js'
import { Acceptor, dial, tlsClient } from './link.js'
import { Recording } from './recording.js'
import { TunnelLab, untilTrue, welcomeId } from './tunnel-lab.js'

const strangers = 2000
const maxHandshakes = 1024
/** What a handshake has unless the operator says otherwise. The strangers' lasts longer: none goes away by itself. */
const goodClientTimeoutMs = 10_000
const handshakeTimeoutMs = 60_000
const goodClients = 5

async function flood(hello: string | undefined): Promise<void> {
  await using backend = await Acceptor.open(undefined, (socket) => socket.pipe(socket))
  const signer = new JsSigner()
  let asked = 0
  const authorize = (): { allowed: true } => {
    asked += 1
    return { allowed: true }
  }
  const settings = { maxHandshakes, handshakeTimeoutMs }
  const { endpoint } = backend
  await using lab = await TunnelLab.open({ mode: 'server', target: endpoint, key: signer.key, authorize, settings })
  const child = startProgram('flood-child.js', [String(lab.port), String(strangers), ...(hello ? [hello] : [])])
  try {
    const connected = once(child, 'message')
    // In the thick of it, then with all of them there.
    await untilTrue('the flood', () => lab.tunnel.stats().handshaking > 100)
    await served(lab.port)
    await connected
    for (let one = 1; one < goodClients; one += 1) await served(lab.port)
    // Each good client had one of them dropped: the places are full to the last.
    assert.equal(lab.tunnel.stats().handshaking, maxHandshakes - 1)
  } finally {
    child.kill('SIGKILL')
  }
  assert.equal(asked, 1, 'a stranger got to the authorizer')
  assert.equal(backend.sockets.length, goodClients, 'a stranger got to the backend')
  await lab.ended(strangers + goodClients)
  const outcomes = lab.outcomes.filter(({ decision }) => decision === 'allowed')
  assert.deepEqual(new Set(outcomes.map(({ peer }) => peer)), new Set([welcomeId]))
  assert.ok(lab.counted('limit') >= strangers - maxHandshakes)
  assert.equal(lab.counted('completed'), goodClients)
}

async function served(port: number): Promise<void> {
  const began = performance.now()
  const peer = new Recording(tlsClient(dial({ host: '127.0.0.1', port })))
  peer.socket.end('hello')
  await peer.untilEnded()
  assert.equal(peer.text, 'hello')
  assert.ok(performance.now() - began < goodClientTimeoutMs)
}

const clause =
  '2,000 silent TCP clients, and 2,000 that send a ClientHello and stop while the signer is JavaScript and the verdict ' +
  'cache cold, do not keep a good client from being served within its timeout'

test(clause, async (t) => {
  await t.test('silent', () => flood(undefined))
  await t.test('a ClientHello each', async () => flood((await clientHello()).toString('base64')))
})
