import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { bindUnixSocket, SocketError, type SocketErrorCode } from '../../../sidecar/socket/bind-unix-socket.js'

function socketPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'svidecar-test-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'a.sock')
}

function bind(path: string) {
  const server = createServer((socket) => {
    // Whoever only looks whether somebody answers hangs up at once.
    socket.on('error', () => undefined)
    socket.end('hello')
  })
  return bindUnixSocket(server, path, { mode: 0o600 })
}

function refusedWith(code: SocketErrorCode) {
  return (error: unknown) => error instanceof SocketError && error.code === code
}

/** A socket file whose process was killed: nobody can answer there. */
async function leaveStaleSocket(path: string): Promise<void> {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.stdout.write('up'))`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'close')
}

test('the socket has its mode from the moment it can be found, and is removed at the end', async (t) => {
  const path = socketPath(t)
  const bound = await bind(path)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  const [greeting] = (await once(connect(path), 'data')) as [Buffer]
  assert.equal(String(greeting), 'hello')
  await bound.close()
  assert.equal(existsSync(path), false)
})

test('a stale socket is replaced', async (t) => {
  const path = socketPath(t)
  await leaveStaleSocket(path)
  const bound = await bind(path)
  await bound.close()
})

test('a stale socket of another user is left alone', async (t) => {
  const path = socketPath(t)
  await leaveStaleSocket(path)
  chownSync(path, 65534, 65534)
  await assert.rejects(bind(path), refusedWith('ERR_SOCKET_NOT_OURS'))
})

test('the socket of another live process is left alone', async (t) => {
  const path = socketPath(t)
  const first = await bind(path)
  await assert.rejects(bind(path), refusedWith('ERR_SOCKET_IN_USE'))
  await first.close()
})

test('a file that is no socket is left alone', async (t) => {
  const path = socketPath(t)
  writeFileSync(path, 'precious')
  await assert.rejects(bind(path), refusedWith('ERR_SOCKET_NOT_OURS'))
})

test('a directory that is not there is named', async (t) => {
  await assert.rejects(
    bind(join(socketPath(t), 'b.sock')),
    (error) => error instanceof SocketError && /directory/.test(error.message),
  )
})

test('a successor at the same path is not removed by the end of its predecessor', async (t) => {
  const path = socketPath(t)
  const first = await bind(path)
  rmSync(path)
  const second = await bind(path)
  await first.close()
  assert.equal(existsSync(path), true)
  await second.close()
})
