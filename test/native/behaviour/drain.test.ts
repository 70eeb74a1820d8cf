import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'

import { Acceptor, dial, openLink, tlsClient, tlsServer } from './link.js'
import { Recording } from './recording.js'
import { type Mode, modes, TunnelLab, untilTrue } from './tunnel-lab.js'

const request = Buffer.alloc(100_000, 'request')
const clients = 32

/** Answers with what it got, when it has got all of it. */
function answer(socket: Socket): void {
  const received: Buffer[] = []
  socket.on('data', (data: Buffer) => received.push(data))
  socket.on('end', () => socket.end(Buffer.concat(received)))
}

type Exchange = 'answered' | 'refused' | `lost: ${string}`

function connects(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => socket.on('connect', () => resolve(true)).on('close', () => resolve(false)))
}

/** One whole connection. Refused is only who was never taken by the kernel. */
async function exchange(mode: Mode, port: number): Promise<Exchange> {
  const raw = dial({ host: '127.0.0.1', port })
  if (!(await connects(raw))) return 'refused'
  const recording = new Recording(mode === 'server' ? tlsClient(raw) : raw)
  recording.socket.end(request)
  await recording.untilClosed()
  return recording.bytes === request.length ? 'answered' : `lost: ${recording.error?.code ?? 'cut short'}`
}

/** New connections one after the other until the first that is refused. */
async function exchanges(mode: Mode, port: number, all: Exchange[]): Promise<void> {
  for (let last: Exchange = 'answered'; last !== 'refused'; all.push(last)) last = await exchange(mode, port)
}

async function drainUnderLoad(mode: Mode): Promise<void> {
  await using target = await Acceptor.open(undefined, (socket) =>
    answer(mode === 'server' ? socket : tlsServer(socket)),
  )
  await using lab = await TunnelLab.open({ mode, target: target.endpoint })
  const all: Exchange[] = []
  const load = Array.from({ length: clients }, () => exchanges(mode, lab.port, all))
  await untilTrue('the load', () => all.length > clients && lab.tunnel.stats().active > 0)
  const { drained, cut } = await lab.tunnel.drain(10_000)
  await Promise.all(load)
  assert.deepEqual(new Set(all), new Set(['answered', 'refused']))
  assert.ok(drained > 0)
  assert.equal(cut, 0)
  const { accepted, outcomes, active, handshaking, listening } = lab.tunnel.stats()
  assert.deepEqual([active, handshaking, listening], [0, 0, false])
  assert.equal(outcomes.completed, all.filter((one) => one === 'answered').length)
  assert.equal(outcomes.completed, accepted)
}

/** The kernel has told them that they are connected; the tunnel may not even know of them when it is told to drain. */
async function servesTheBacklog(mode: Mode): Promise<void> {
  await using target = await Acceptor.open(undefined, (socket) =>
    answer(mode === 'server' ? socket : tlsServer(socket)),
  )
  await using lab = await TunnelLab.open({ mode, target: target.endpoint })
  const waiting = Array.from({ length: clients }, () => exchange(mode, lab.port))
  await new Promise(setImmediate)
  await lab.tunnel.drain(10_000)
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set(['answered']))
  assert.equal(lab.counted('completed'), clients)
}

/** Nothing is waited for longer than it was told, and who is cut can tell. */
async function cutAtTheEnd(mode: Mode): Promise<void> {
  await using link = await openLink({ mode })
  assert.deepEqual(await link.lab.tunnel.drain(50), { drained: 0, cut: 1 })
  await Promise.all([link.peer.untilClosed(), link.plain.untilClosed()])
  assert.deepEqual([link.peer.ended, link.plain.ended], [false, false])
  assert.equal((await link.lab.outcome()).outcome, 'drained')
}

for (const mode of modes) {
  test(`drain under load loses nothing (${mode} mode)`, async (t) => {
    await t.test('connections end by themselves', () => drainUnderLoad(mode))
    await t.test('connections that wait to be accepted are served', () => servesTheBacklog(mode))
    await t.test('one that does not is cut', () => cutAtTheEnd(mode))
  })
}
