import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

import { Listener, Tunnel } from '../../../native/index.js'
import {
  assertHas,
  backend,
  echo,
  makeCast,
  openTunnel,
  readAll,
  readSome,
  stateOf,
  tlsClient,
  until,
} from './fixture.js'

const cast = makeCast()
const programs = join(fileURLToPath(import.meta.url), '..', 'programs')

/** Runs a program that must end by itself, and says how. */
async function run(
  name: string,
  ...args: string[]
): Promise<{ code: number | null; signal: string | null; said: string }> {
  const child = spawn(process.execPath, [join(programs, name), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stdout.on('data', (chunk) => (said += String(chunk)))
  child.stderr.on('data', (chunk) => (said += String(chunk)))
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  return { code, signal, said }
}

describe('a tunnel', { timeout: 120_000 }, () => {
  it('that drains loses nothing of the connections it has', async (t) => {
    const { endpoint } = await backend(t, (socket) => {
      socket.resume()
      socket.once('end', () => socket.end('received'))
    })
    const { port, tunnel, outcomes } = await openTunnel(t, cast, endpoint)
    const clients = Array.from({ length: 20 }, () => tlsClient(t, port, cast.client))
    for (const client of clients) client.write(Buffer.alloc(100_000))
    await until(() => tunnel.stats().active === 20)
    const drain = tunnel.drain(30_000)
    await until(() => !tunnel.stats().listening)
    const answers = clients.map(async (client) => {
      client.end(Buffer.alloc(100_000))
      return (await readAll(client)).bytes.toString()
    })
    assert.ok((await Promise.all(answers)).every((answer) => answer === 'received'))
    assert.deepEqual(await drain, { drained: 20, cut: 0 })
    await tunnel.close()
    assert.ok(outcomes.every(({ outcome, bytesFromPeer }) => outcome === 'completed' && bytesFromPeer === 200_000))
  })

  it('cuts what is left at the end of the drain', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { port, tunnel, outcome } = await openTunnel(t, cast, endpoint)
    const client = tlsClient(t, port, cast.client)
    client.write('x')
    await readSome(client)
    assert.deepEqual(await tunnel.drain(50), { drained: 0, cut: 1 })
    assert.equal((await outcome()).outcome, 'drained')
  })

  it('delivers the last outcomes before close is done, and may be closed twice', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { port, tunnel, outcomes } = await openTunnel(t, cast, endpoint)
    const client = tlsClient(t, port, cast.client)
    client.write('x')
    await readSome(client)
    await Promise.all([tunnel.close(), tunnel.close()])
    assert.deepEqual(
      outcomes.map(({ outcome }) => outcome),
      ['closed'],
    )
    assertHas(tunnel.stats(), { active: 0, listening: false })
    await tunnel[Symbol.asyncDispose]()
  })

  it('cannot be opened on a listener that another has taken', async (t) => {
    const { endpoint } = await backend(t, echo)
    const state = await stateOf(cast, endpoint)
    const listener = await Listener.bind('test', { kind: 'tcp', host: '127.0.0.1', port: 0 })
    const tunnel = await Tunnel.open(listener, state, () => undefined)
    t.after(() => tunnel.close())
    await assert.rejects(
      Tunnel.open(listener, state, () => undefined),
      { code: 'ERR_CLOSED' },
    )
  })

  it('counts outcomes whose listener throws as lost, and goes on', async (t) => {
    const { endpoint } = await backend(t, echo)
    const listener = await Listener.bind('test', { kind: 'tcp', host: '127.0.0.1', port: 0 })
    const tunnel = await Tunnel.open(listener, await stateOf(cast, endpoint), () => {
      throw new Error('the log is full')
    })
    t.after(() => tunnel.close())
    const port = Number(listener.address.split(':').at(-1))
    for (let round = 0; round < 2; round += 1) {
      const client = tlsClient(t, port, cast.client)
      client.end('x')
      await readAll(client)
    }
    await until(() => tunnel.stats().auditLost === 2)
    assert.equal(tunnel.stats().outcomes.completed, 2)
  })

  it('keeps the process alive while it is open, and no longer', async () => {
    assert.deepEqual(await run('lifecycle.js', 'close'), { code: 0, signal: null, said: 'open\nclosed\n' })
  })

  it('does not hold up process.exit() in full traffic', async () => {
    for (let round = 0; round < 3; round += 1) {
      assert.deepEqual(await run('lifecycle.js', 'exit'), { code: 7, signal: null, said: 'open\nbusy\n' })
    }
  })

  it('does not hold up process.exit() with signatures pending', async () => {
    assert.deepEqual(await run('lifecycle.js', 'exit-signing'), { code: 7, signal: null, said: 'open\nbusy\n' })
  })

  it('goes with its worker thread, and the next worker begins anew', async (t) => {
    const { endpoint } = await backend(t, echo)
    const mine = await openTunnel(t, cast, endpoint)
    for (let round = 0; round < 3; round += 1) {
      const worker = new Worker(join(programs, 'lifecycle.js'), { argv: ['worker'], stdout: true })
      let said = ''
      worker.stdout.on('data', (chunk) => (said += String(chunk)))
      await until(() => said.includes('busy'))
      await worker.terminate()
    }
    const client = tlsClient(t, mine.port, cast.client)
    client.end('still here')
    assert.equal((await readAll(client)).bytes.toString(), 'still here')
  })

  it('in a worker thread alone does not hurt the process that ends it', async () => {
    assert.deepEqual(await run('worker.js'), { code: 0, signal: null, said: 'terminated\n' })
  })
})
