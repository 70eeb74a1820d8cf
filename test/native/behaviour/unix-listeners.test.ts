import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, lstatSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'

import { Identity, Listener, NativeError, Tunnel } from '../../../native/index.js'
import { repositoryRoot } from '../../repository-root.js'
import { Acceptor, dial, tlsServer } from './link.js'
import { Recording } from './recording.js'
import { Folder, freePort, type LabOptions, loopback, ours, stateOf, TunnelLab } from './tunnel-lab.js'

const nobody = 65_534
const root = process.getuid?.() === 0
/** As another user than root nobody can be made to be somebody else. */
const skip = root ? false : 'needs root, to start a process with another uid'

async function code(bound: Promise<Listener>): Promise<string> {
  try {
    await (await bound).close()
    return 'bound'
  } catch (error) {
    return error instanceof NativeError ? error.code : String(error)
  }
}

async function runAs(uid: number, program: string, ...args: string[]): Promise<string> {
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  const options = { uid, gid: uid, cwd: '/', stdio: [...stdio] }
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, ...args], options)
  let said = ''
  child.stdout?.on('data', (text: Buffer) => (said += text.toString()))
  await once(child, 'close')
  return said
}

const askAndLeave = `
  import { connect } from 'node:net'
  const socket = connect(process.argv[1])
  let got = 0
  socket.on('connect', () => socket.write('let me in'))
  socket.on('data', (data) => {
    got += data.length
    socket.end()
  })
  socket.on('error', () => undefined)
  socket.on('close', () => console.log('closed after ' + got))
`

async function echoingPeer(): Promise<Acceptor> {
  return Acceptor.open(undefined, (raw) => {
    const tls = tlsServer(raw)
    tls.pipe(tls)
  })
}

/** `allow_uids` is asked of the kernel, not of the file's mode, which lets everybody in here. */
test('Unix listeners: wrong uid refused', { skip }, async () => {
  using folder = new Folder()
  chmodSync(folder.path, 0o755)
  await using peer = await echoingPeer()
  const listen = { kind: 'unix', path: folder.join('s'), mode: 0o666, allowUids: [0] } as const
  await using lab = await TunnelLab.open({ mode: 'client', target: peer.endpoint, listen })
  assert.equal(await runAs(nobody, askAndLeave, listen.path), 'closed after 0\n')
  const { outcome, decision, reason, remote } = await lab.outcome()
  assert.deepEqual([outcome, decision], ['uid_refused', 'denied'])
  assert.match(reason, /uid is not on the list/)
  assert.match(remote, new RegExp(`^unix:uid=${nobody},pid=[0-9]+$`))
  assert.equal(lab.counted('uid_refused'), 1)
  assert.equal(peer.sockets.length, 0, 'the peer was dialled')
  const right = new Recording(dial({ path: listen.path }))
  right.socket.end('hello')
  await right.untilEnded()
  assert.equal(right.text, 'hello')
  lab.tunnel.setListenOptions({ mode: 0o666, allowUids: [0, nobody] })
  assert.equal(await runAs(nobody, askAndLeave, listen.path), 'closed after 9\n')
})

async function canServe(options: LabOptions, path: string): Promise<void> {
  await using lab = await TunnelLab.open(options)
  const plain = new Recording(dial({ path }))
  plain.socket.end('hello')
  await plain.untilEnded()
  assert.equal(plain.text, 'hello')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal((await lab.outcome()).outcome, 'completed')
}

test('Unix listeners: stale socket', async () => {
  using folder = new Folder()
  const path = folder.join('s')
  await using peer = await echoingPeer()
  const left = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
  await once(spawn(process.execPath, ['-e', left, path], { stdio: 'ignore' }), 'close')
  assert.ok(lstatSync(path).isSocket(), 'a killed process leaves its socket')
  await canServe({ mode: 'client', target: peer.endpoint, listen: { kind: 'unix', path } }, path)
  assert.deepEqual(readdirSync(folder.path), [], 'neither the socket nor its temporary name stays')
  writeFileSync(path, 'no socket')
  assert.equal(await code(Listener.bind('file', { kind: 'unix', path })), 'ERR_SOCKET_NOT_OURS')
  assert.ok(existsSync(path), 'what is no socket is nobody else’s to remove')
})

const live = `
  const greet = (socket) => socket.on('error', () => undefined).end('mine')
  require('node:net').createServer(greet).listen(process.argv[1], () => process.send(''))
`

test('Unix listeners: socket of another live process', async () => {
  using folder = new Folder()
  const path = folder.join('s')
  const child = spawn(process.execPath, ['-e', live, path], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  try {
    await once(child, 'message')
    const inode = statSync(path).ino
    assert.equal(await code(Listener.bind('taken', { kind: 'unix', path })), 'ERR_SOCKET_IN_USE')
    assert.equal(statSync(path).ino, inode)
    const client = new Recording(dial({ path }))
    await client.untilEnded()
    assert.equal(client.text, 'mine', 'the other process goes on serving')
    assert.deepEqual(readdirSync(folder.path), ['s'])
  } finally {
    child.kill('SIGKILL')
  }
})

/** It was free when it was bound and is taken when it should begin to listen: the other keeps it. */
test('a unix socket that another process takes between bind and open stays with it', async () => {
  using folder = new Folder()
  const path = folder.join('s')
  const listener = await Listener.bind('late', { kind: 'unix', path })
  const other = createServer().listen(path)
  await once(other, 'listening')
  const identity = await Identity.create(ours.chain, { pkcs8: ours.pkcs8 })
  const state = stateOf({ mode: 'client', target: loopback(await freePort()) }, identity)
  await assert.rejects(
    Tunnel.open(listener, state, () => undefined),
    (error) => error instanceof NativeError && error.code === 'ERR_SOCKET_IN_USE',
  )
  assert.deepEqual(readdirSync(folder.path), ['s'])
  other.close()
})

const bindThere = `
  const { Listener } = await import(process.argv[1])
  const bound = Listener.bind('test', { kind: 'unix', path: process.argv[2] })
  console.log(await bound.then(() => 'bound', (error) => error.code))
`

/** As root it proves nothing: root may write everywhere. */
test('Unix listeners: directory not writable', { skip }, async () => {
  using folder = new Folder()
  chmodSync(folder.path, 0o755)
  const native = join(repositoryRoot, 'dist', 'native', 'index.js')
  assert.equal(await runAs(nobody, bindThere, native, folder.join('s')), 'ERR_PERMISSION\n')
  assert.deepEqual(readdirSync(folder.path), [])
})

test(
  'Unix listeners: another process refused where only the own one may connect, whatever its uid',
  { skip },
  async () => {
    using folder = new Folder()
    await using peer = await echoingPeer()
    const listen = { kind: 'unix', path: folder.join('s'), ownProcess: true } as const
    await using lab = await TunnelLab.open({ mode: 'client', target: peer.endpoint, listen })
    assert.equal(await runAs(0, askAndLeave, listen.path), 'closed after 0\n')
    const { outcome, decision } = await lab.outcome()
    assert.deepEqual([outcome, decision], ['uid_refused', 'denied'])
    assert.equal(peer.sockets.length, 0, 'the peer was dialled')
    const own = new Recording(dial({ path: listen.path }))
    own.socket.end('hello')
    await own.untilEnded()
    assert.equal(own.text, 'hello')
  },
)
