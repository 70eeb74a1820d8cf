import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Acceptor, dial, tlsClient, tlsServer } from './link.js'
import { JsSigner } from './js-signer.js'
import { Recording } from './recording.js'
import { type Mode, modes, TunnelLab, untilTrue } from './tunnel-lab.js'

const pending = 100
/** Far below the handshake's time limit: nothing may be waited for. */
const promptMs = 2000

async function closesPromptly(mode: Mode): Promise<void> {
  await using target = await Acceptor.open(undefined, (raw) => {
    if (mode === 'client') tlsServer(raw).on('error', () => undefined)
  })
  const signer = new JsSigner()
  await using lab = await TunnelLab.open({ mode, target: target.endpoint, key: signer.key })
  const late: ((signature: Uint8Array) => void)[] = []
  signer.sign = () => new Promise((resolve) => late.push(resolve))
  const clients = Array.from({ length: pending }, () => {
    const socket = dial({ host: '127.0.0.1', port: lab.port })
    return new Recording(mode === 'server' ? tlsClient(socket) : socket)
  })
  await untilTrue('all to wait', () => lab.tunnel.stats().handshaking === pending && signer.pending === 32)
  const began = performance.now()
  await lab.tunnel.close()
  assert.ok(performance.now() - began < promptMs, `close() took ${performance.now() - began} ms`)
  await Promise.all(clients.map((client) => client.untilClosed()))
  assert.deepEqual(
    lab.outcomes.map(({ outcome, decision }) => `${outcome} ${decision}`),
    Array.from({ length: pending }, () => 'closed denied'),
  )
  assert.equal(lab.counted('closed'), pending)
  if (mode === 'server') assert.equal(target.sockets.length, 0, 'the backend saw a connection')
  // Answers that come when nobody waits any more.
  for (const resolve of late) resolve(new Uint8Array(70))
  await lab.tunnel.close()
}

for (const mode of modes) {
  test(`\`close()\` with 100 signatures pending (${mode} mode)`, () => closesPromptly(mode))
}
