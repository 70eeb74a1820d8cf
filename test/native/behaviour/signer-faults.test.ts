import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { generateKey } from '../../fakes/fake-ca.js'
import { alertInText } from '../refused-peers/seen-alert.js'
import { Acceptor, dial, openLink, tlsClient, tlsServer } from './link.js'
import { Recording } from './recording.js'
import { JsSigner, type Sign } from './js-signer.js'
import { type Mode, modes, ours, signatureBy, TunnelLab, untilTrue } from './tunnel-lab.js'

const slowMs = 300
const handshakes = 100

async function roundTrip(from: Recording, to: Recording): Promise<number> {
  const [began, before] = [performance.now(), to.bytes]
  from.socket.write('ping')
  while (to.bytes < before + 4) await new Promise(setImmediate)
  return performance.now() - began
}

/** A connection that is there already is asked for its round trips while a hundred others wait for signatures. */
async function roundTripsDuringSignatures(mode: Mode): Promise<void> {
  const signer = new JsSigner()
  await using link = await openLink({ mode, lab: { key: signer.key } })
  const { lab, peer, plain } = link
  signer.sign = (message) => delay(slowMs).then(() => signatureBy(ours.key, message))
  const others = Array.from({ length: handshakes }, () => {
    const socket = dial({ host: '127.0.0.1', port: lab.port })
    return mode === 'server' ? tlsClient(socket).on('error', () => undefined) : socket
  })
  await untilTrue('signatures to be waited for', () => signer.pending === 32)
  const roundTrips: number[] = []
  while (lab.tunnel.stats().active <= handshakes) {
    roundTrips.push(await roundTrip(peer, plain), await roundTrip(plain, peer))
  }
  for (const socket of others) socket.destroy()
  assert.ok(signer.made > handshakes)
  assert.ok(roundTrips.length > 20, `only ${roundTrips.length} round trips`)
  const slowest = roundTrips.toSorted((a, b) => a - b)[Math.floor(roundTrips.length * 0.9)]!
  assert.ok(slowest < slowMs / 3, `one of ten round trips took ${slowest} ms`)
}

interface Fault {
  readonly sign: Sign
  readonly reason: RegExp
  readonly handshakeTimeoutMs?: number
}

const stranger = generateKey()

const faults: Readonly<Record<string, Fault>> = {
  reject: {
    sign: () => Promise.reject(new Error('the token was pulled')),
    reason: /signer failed: .*the token was pulled/,
  },
  throw: {
    sign: () => {
      throw new TypeError('a bug of the provider')
    },
    reason: /signer failed: .*a bug of the provider/,
  },
  'never settle': {
    sign: () => new Promise(() => undefined),
    reason: /did not answer in time/,
    handshakeTimeoutMs: 500,
  },
  garbage: { sign: () => Promise.resolve(randomBytes(70)), reason: /does not fit the leaf/ },
  'an empty signature': { sign: () => Promise.resolve(new Uint8Array()), reason: /does not fit the leaf/ },
  'no bytes at all': { sign: () => Promise.resolve('signed' as never), reason: /no Uint8Array/ },
  'wrong key': { sign: (message) => signatureBy(stranger, message), reason: /does not fit the leaf/ },
}

async function refusesClient(fault: Fault): Promise<void> {
  await using backend = await Acceptor.open(undefined, (socket) => socket.pipe(socket))
  const signer = new JsSigner()
  const settings = { handshakeTimeoutMs: fault.handshakeTimeoutMs ?? 10_000 }
  await using lab = await TunnelLab.open({ mode: 'server', target: backend.endpoint, key: signer.key, settings })
  signer.sign = fault.sign
  const refused = tlsClient(dial({ host: '127.0.0.1', port: lab.port }))
  const peer = new Recording(refused)
  refused.write('a request')
  await peer.untilClosed()
  assert.equal(refused.authorizationError, null, 'the handshake must not have come to its end')
  assert.deepEqual([peer.bytes, peer.error?.code], [0, 'ECONNRESET'])
  assert.equal(alertInText(peer.error?.message ?? ''), null, 'rustls sends no alert for a fault of its own')
  await refusedForSigner(lab, fault)
  assert.equal(backend.sockets.length, 0, 'the backend saw a connection')
  signer.sign = (message) => signatureBy(ours.key, message)
  const next = tlsClient(dial({ host: '127.0.0.1', port: lab.port }))
  next.end('again')
  const served = new Recording(next)
  await served.untilEnded()
  assert.equal(served.text, 'again')
}

async function refusesServer(fault: Fault): Promise<void> {
  const peers: Recording[] = []
  await using server = await Acceptor.open(undefined, (raw) => {
    const tls = tlsServer(raw)
    peers.push(new Recording(tls))
    tls.pipe(tls)
  })
  const signer = new JsSigner()
  const settings = { handshakeTimeoutMs: fault.handshakeTimeoutMs ?? 10_000 }
  await using lab = await TunnelLab.open({ mode: 'client', target: server.endpoint, key: signer.key, settings })
  signer.sign = fault.sign
  const refused = new Recording(dial({ host: '127.0.0.1', port: lab.port }))
  refused.socket.write('a request')
  await refused.untilClosed()
  assert.deepEqual([refused.bytes, refused.ended, refused.error?.code], [0, false, 'ECONNRESET'])
  await refusedForSigner(lab, fault)
  await peers[0]!.untilClosed()
  assert.equal(peers[0]!.bytes, 0, 'the peer got a byte')
  signer.sign = (message) => signatureBy(ours.key, message)
  const served = new Recording(dial({ host: '127.0.0.1', port: lab.port }))
  served.socket.end('again')
  await served.untilEnded()
  assert.equal(served.text, 'again')
}

async function refusedForSigner(lab: TunnelLab, fault: Fault): Promise<void> {
  const { outcome, decision, reason, bytesFromPeer, bytesToPeer } = await lab.outcome()
  assert.deepEqual([outcome, decision, bytesFromPeer, bytesToPeer], ['signer_failed', 'denied', 0, 0], reason)
  assert.match(reason, fault.reason)
  assert.match(reason, /^[ -~]{1,400}$/)
  assert.equal(lab.counted('signer_failed'), 1)
}

const clause =
  'Signer faults: 300 ms per signature (established connections keep their round-trip times), reject, throw, ' +
  'never settle, garbage, wrong key'

for (const mode of modes) {
  test(`${clause} (${mode} mode)`, async (t) => {
    await t.test('300 ms per signature', () => roundTripsDuringSignatures(mode))
    for (const [name, fault] of Object.entries(faults)) {
      await t.test(name, () => (mode === 'server' ? refusesClient(fault) : refusesServer(fault)))
    }
  })
}
