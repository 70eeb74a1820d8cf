import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, lstatSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'

import { Listener, type NativeErrorCode } from '../../../native/index.js'
import { assertHas, backend, echo, folder, makeCast, openTunnel, plainClient, readAll, readSome } from './fixture.js'

const cast = makeCast()
const uid = process.getuid?.() ?? 0
const nobody = 65534

async function rejects(promise: Promise<unknown>, code: NativeErrorCode): Promise<void> {
  await assert.rejects(promise, (error) => error instanceof Error && 'code' in error && error.code === code)
}

/** Leaves a socket file behind that nobody listens on. */
async function leaveStale(path: string): Promise<void> {
  const program = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  await once(spawn(process.execPath, ['-e', program]), 'close')
  assert.ok(lstatSync(path).isSocket())
}

describe('a unix listener', { timeout: 60_000 }, () => {
  it('has its final name, with mode 0600, only when it listens', async (t) => {
    const { endpoint } = await backend(t, echo)
    const home = folder(t)
    const path = join(home, 'tunnel.sock')
    const bound = await Listener.bind('test', { kind: 'unix', path })
    assert.equal(existsSync(path), false)
    await bound.close()
    assert.deepEqual(readdirSync(home), [])
    const { address, tunnel } = await openTunnel(t, cast, endpoint, { listen: { kind: 'unix', path } })
    assert.equal(address, `unix:${path}`)
    assert.deepEqual(readdirSync(home), ['tunnel.sock'])
    assert.equal(lstatSync(path).mode & 0o777, 0o600)
    await tunnel.close()
    assert.deepEqual(readdirSync(home), [])
  })

  it('takes mode and admitted uids, and changes them while it listens', async (t) => {
    const target = await backend(t, echo)
    const path = join(folder(t), 'tunnel.sock')
    const { tunnel, outcome } = await openTunnel(t, cast, target.endpoint, {
      settings: { mode: 'client', target: { kind: 'tcp', host: '127.0.0.1', port: 1 } },
      listen: { kind: 'unix', path, mode: 0o640, allowUids: [uid + 1] },
    })
    assert.equal(lstatSync(path).mode & 0o777, 0o640)
    await readAll(plainClient(t, { path }))
    const refused = await outcome()
    assertHas(refused, { outcome: 'uid_refused', decision: 'denied' })
    assert.equal(refused.remote, `unix:uid=${uid},pid=${process.pid}`)
    tunnel.setListenOptions({ mode: 0o660, allowUids: [uid] })
    assert.equal(lstatSync(path).mode & 0o777, 0o660)
    await readAll(plainClient(t, { path }))
    assert.equal((await outcome()).outcome, 'target_unreachable')
  })

  it('replaces a stale socket of ours', async (t) => {
    const { endpoint } = await backend(t, echo)
    const path = join(folder(t), 'tunnel.sock')
    await leaveStale(path)
    const { tunnel } = await openTunnel(t, cast, endpoint, { listen: { kind: 'unix', path } })
    assert.equal(tunnel.stats().listening, true)
  })

  it('leaves the socket of a live process alone', async (t) => {
    const path = join(folder(t), 'tunnel.sock')
    const live = createServer(echo).listen(path)
    await once(live, 'listening')
    t.after(() => live.close())
    await rejects(Listener.bind('test', { kind: 'unix', path }), 'ERR_SOCKET_IN_USE')
    const client = plainClient(t, { path })
    client.write('alive')
    assert.equal((await readSome(client)).toString(), 'alive')
  })

  it('does not take the place of a socket that came to life since it was bound', async (t) => {
    const { endpoint } = await backend(t, echo)
    const path = join(folder(t), 'tunnel.sock')
    await openTunnel(t, cast, endpoint, { listen: { kind: 'unix', path } })
    await rejects(openTunnel(t, cast, endpoint, { listen: { kind: 'unix', path } }), 'ERR_SOCKET_IN_USE')
  })

  it('leaves a file that is no socket alone', async (t) => {
    const path = join(folder(t), 'tunnel.sock')
    writeFileSync(path, 'precious')
    await rejects(Listener.bind('test', { kind: 'unix', path }), 'ERR_SOCKET_NOT_OURS')
    assert.ok(lstatSync(path).isFile())
  })

  it('needs a directory it can write to', async (t) => {
    const home = folder(t)
    chmodSync(home, 0o555)
    // To root no directory is closed.
    if (uid === 0) process.seteuid?.(nobody)
    try {
      await rejects(Listener.bind('test', { kind: 'unix', path: join(home, 'tunnel.sock') }), 'ERR_PERMISSION')
    } finally {
      if (uid === 0) process.seteuid?.(0)
    }
  })

  it('leaves the stale socket of another user alone', { skip: uid !== 0 && 'only root can make one' }, async (t) => {
    const path = join(folder(t), 'tunnel.sock')
    await leaveStale(path)
    chownSync(path, nobody, nobody)
    await rejects(Listener.bind('test', { kind: 'unix', path }), 'ERR_SOCKET_NOT_OURS')
  })

  it('needs a directory that is there, and a path that fits a socket address', async (t) => {
    await rejects(Listener.bind('test', { kind: 'unix', path: join(folder(t), 'none', 'a.sock') }), 'ERR_IO')
    await rejects(Listener.bind('test', { kind: 'unix', path: join(folder(t), 'x'.repeat(120)) }), 'ERR_IO')
  })
})

describe('a TCP listener', { timeout: 60_000 }, () => {
  it('accepts nobody before its tunnel opens', async (t) => {
    const bound = await Listener.bind('test', { kind: 'tcp', host: '127.0.0.1', port: 0 })
    t.after(() => bound.close())
    const port = Number(bound.address.split(':').at(-1))
    assert.equal((await readAll(plainClient(t, { host: '127.0.0.1', port }))).error?.code, 'ECONNREFUSED')
  })

  it('says who has a port: nobody else may listen on it', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { port } = await openTunnel(t, cast, endpoint)
    await rejects(Listener.bind('test', { kind: 'tcp', host: '127.0.0.1', port }), 'ERR_ADDRESS_IN_USE')
    await rejects(Listener.bind('test', { kind: 'tcp', host: '192.0.2.1', port: 0 }), 'ERR_ADDRESS_NOT_AVAILABLE')
    await rejects(Listener.bind('test', { kind: 'tcp', host: 'example.org', port: 0 }), 'ERR_INVALID_ARGUMENT')
  })

  it('can be bound again as soon as its tunnel is closed', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { port, tunnel } = await openTunnel(t, cast, endpoint)
    await tunnel.close()
    const again = await Listener.bind('test', { kind: 'tcp', host: '127.0.0.1', port })
    await again.close()
  })
})
