import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { status } from '@grpc/grpc-js'
import { parseTrustDomain, SpiffeError, WorkloadApiClient, type WatchState } from '../../../workload-api/index.js'
import { FakeCa } from '../../fakes/fake-ca.js'
import { fakeSvid, FakeWorkloadApi } from '../../fakes/fake-workload-api.js'
import { repositoryRoot } from '../../repository-root.js'
import { SocketFolder, Watching } from './watching.js'

const ca = FakeCa.create('example.org')
const partner = FakeCa.create('partner.org')
const response = () => ({ svids: [fakeSvid(ca, ca.issue('/a'), '/a')] })

describe('watchX509Context', () => {
  test('gives SVIDs, bundles and revocation lists of the first message', async () => {
    await using folder = await SocketFolder.make()
    const issued = ca.intermediate().issue('/a')
    await using _api = await FakeWorkloadApi.start(folder.socket, {
      svids: [fakeSvid(ca, issued, '/a', { hint: 'internal' })],
      crl: [Buffer.from('list')],
      federatedBundles: { 'spiffe://partner.org': partner.certificate },
    })
    await using watching = new Watching(folder.socket)
    const { svids, bundles, crl } = await watching.untilContexts(1)
    assert.equal(svids[0]!.id, 'spiffe://example.org/a')
    assert.equal(svids[0]!.hint, 'internal')
    assert.deepEqual(
      svids[0]!.chain.map((der) => Buffer.from(der)),
      issued.chain.map((der) => Buffer.from(der)),
    )
    assert.ok(svids[0]!.privateKey.equals(issued.key))
    assert.deepEqual([...bundles.keys()], ['example.org', 'partner.org'])
    const held = bundles.get(parseTrustDomain('partner.org'))!.x509Authorities
    assert.deepEqual(
      held.map((der) => Buffer.from(der)),
      [Buffer.from(partner.certificate)],
    )
    assert.deepEqual(
      crl.map((list) => Buffer.from(list)),
      [Buffer.from('list')],
    )
  })

  test('sends the security header, exactly once', async () => {
    await using folder = await SocketFolder.make()
    await using api = await FakeWorkloadApi.start(folder.socket, response())
    await using watching = new Watching(folder.socket)
    await watching.untilContexts(1)
    assert.deepEqual(api.calls[0]!.get('workload.spiffe.io'), ['true'])
  })

  test('tells every state: connecting, streaming, closed', async () => {
    await using folder = await SocketFolder.make()
    await using _api = await FakeWorkloadApi.start(folder.socket, response())
    const watching = new Watching(folder.socket)
    await watching.untilContexts(1)
    await watching[Symbol.asyncDispose]()
    assert.deepEqual(watching.states, [{ kind: 'connecting' }, { kind: 'streaming' }, { kind: 'closed' }])
    assert.equal(watching.error, undefined)
  })

  test('gives each change and nothing when a message repeats the last', async () => {
    await using folder = await SocketFolder.make()
    const first = response()
    await using api = await FakeWorkloadApi.start(folder.socket, first)
    await using watching = new Watching(folder.socket)
    await watching.untilContexts(1)
    api.say(first)
    api.say({ ...first, federatedBundles: { 'spiffe://partner.org': partner.certificate } })
    const { bundles } = await watching.untilContexts(2)
    assert.equal(bundles.size, 2)
    assert.equal(watching.contexts.length, 2)
    assert.equal(watching.states.filter(({ kind }) => kind === 'streaming').length, 3)
  })

  test('drops a federated bundle that is no longer sent, and one that is sent empty', async () => {
    await using folder = await SocketFolder.make()
    const one = response()
    const all = { 'spiffe://partner.org': partner.certificate }
    await using api = await FakeWorkloadApi.start(folder.socket, { ...one, federatedBundles: all })
    await using watching = new Watching(folder.socket)
    assert.equal((await watching.untilContexts(1)).bundles.size, 2)
    api.say(one)
    assert.equal((await watching.untilContexts(2)).bundles.size, 1)
    api.say({ ...one, federatedBundles: all })
    await watching.untilContexts(3)
    api.say({ ...one, federatedBundles: { 'spiffe://partner.org': new Uint8Array() } })
    assert.equal((await watching.untilContexts(4)).bundles.size, 1)
  })

  test('keeps the first of SVIDs with the same hint, and all without one', async () => {
    await using folder = await SocketFolder.make()
    const svid = (path: string, hint: string) => fakeSvid(ca, ca.issue(path), path, { hint })
    const svids = [svid('/a', 'x'), svid('/b', ''), svid('/c', 'x'), svid('/d', '')]
    await using _api = await FakeWorkloadApi.start(folder.socket, { svids })
    await using watching = new Watching(folder.socket)
    const ids = (await watching.untilContexts(1)).svids.map(({ id }) => id)
    assert.deepEqual(ids, ['spiffe://example.org/a', 'spiffe://example.org/b', 'spiffe://example.org/d'])
  })

  test('takes messages up to 10 MiB', async () => {
    await using folder = await SocketFolder.make()
    const crl = [new Uint8Array(10 * 1024 * 1024 - 4096)]
    await using _api = await FakeWorkloadApi.start(folder.socket, { ...response(), crl })
    await using watching = new Watching(folder.socket)
    assert.equal((await watching.untilContexts(1)).crl[0]!.length, crl[0]!.length)
  })

  test('reports a larger one and tries again', async () => {
    await using folder = await SocketFolder.make()
    const crl = [new Uint8Array(10 * 1024 * 1024)]
    await using api = await FakeWorkloadApi.start(folder.socket, { ...response(), crl })
    await using watching = new Watching(folder.socket)
    await watching.untilState((state) => state.kind === 'waiting')
    assert.equal(watching.faults[0], 'ERR_WORKLOAD_API_MESSAGE_TOO_LARGE')
    api.sayToTheNext(response())
    await watching.untilContexts(1)
  })
})

describe('a watch whose stream ends', () => {
  test('reconnects at once, and only then after pauses', async () => {
    await using folder = await SocketFolder.make()
    await using api = await FakeWorkloadApi.start(folder.socket, response())
    // With such pauses a second reconnection is seen only if it is not at once.
    await using watching = new Watching(folder.socket, { initialMs: 3_600_000, maxMs: 3_600_000 })
    await watching.untilContexts(1)
    api.hangUp()
    await api.untilCalls(2)
    await api.stop()
    const isPause = (state: WatchState) => state.kind === 'waiting' && state.retryAt.getTime() > Date.now() + 1_000_000
    await watching.untilState(isPause)
    assert.equal(watching.faults.length, 2)
  })

  test('finds a socket that was removed and made again', async () => {
    await using folder = await SocketFolder.make()
    await using api = await FakeWorkloadApi.start(folder.socket, response())
    await using watching = new Watching(folder.socket)
    await watching.untilContexts(1)
    await api.stop()
    await watching.untilState(
      (state) => state.kind === 'waiting' && state.error.code === 'ERR_WORKLOAD_API_SOCKET_MISSING',
    )
    api.sayToTheNext(response())
    await api.listen()
    await watching.untilContexts(2)
  })

  test('survives a connection that is cut and a stream that ends with OK', async () => {
    await using folder = await SocketFolder.make()
    const same = response()
    await using api = await FakeWorkloadApi.start(folder.socket, same)
    await using watching = new Watching(folder.socket)
    await watching.untilContexts(1)
    api.hangUp()
    await api.untilCalls(2)
    api.endStreams()
    await api.untilCalls(3)
    api.say(response())
    await watching.untilContexts(2)
    assert.deepEqual(watching.faults, ['ERR_WORKLOAD_API_UNAVAILABLE', 'ERR_WORKLOAD_API_UNAVAILABLE'])
  })

  test('asks again after PermissionDenied, says so, and tells the identity anew when it is given back', async () => {
    await using folder = await SocketFolder.make()
    const same = response()
    await using api = await FakeWorkloadApi.start(folder.socket, same)
    await using watching = new Watching(folder.socket)
    await watching.untilContexts(1)
    api.say({ code: status.PERMISSION_DENIED, details: 'no identity issued' })
    const state = await watching.untilState(({ kind }) => kind === 'waiting')
    assert.ok(state.kind === 'waiting' && state.error.code === 'ERR_WORKLOAD_API_PERMISSION_DENIED')
    api.sayToTheNext(same)
    await watching.untilContexts(2)
  })

  for (const [name, code, expected] of [
    ['InvalidArgument', status.INVALID_ARGUMENT, 'ERR_WORKLOAD_API_INVALID_ARGUMENT'],
    ['Unimplemented', status.UNIMPLEMENTED, 'ERR_WORKLOAD_API_UNIMPLEMENTED'],
  ] as const) {
    test(`never asks again after ${name}`, async () => {
      await using folder = await SocketFolder.make()
      await using api = await FakeWorkloadApi.start(folder.socket, { code, details: '\u001b[31mtext of the agent' })
      await using watching = new Watching(folder.socket)
      const error = await watching.untilError()
      assert.ok(error instanceof SpiffeError)
      assert.equal(error.code, expected)
      assert.ok(!error.message.includes('text of the agent'))
      assert.equal(api.calls.length, 1)
      assert.deepEqual(watching.states.at(-1), { kind: 'closed', error })
    })
  }
})

describe('a watch that finds no agent', () => {
  const firstFault = async (socket: string): Promise<string> => {
    await using watching = new Watching(socket)
    await watching.untilState(({ kind }) => kind === 'waiting')
    return watching.faults[0]!
  }

  test('says that the socket is missing', async () => {
    await using folder = await SocketFolder.make()
    assert.equal(await firstFault(folder.socket), 'ERR_WORKLOAD_API_SOCKET_MISSING')
  })

  test('says that a path through a file leads to no socket', async () => {
    await using folder = await SocketFolder.make()
    await writeFile(join(folder.path, 'file'), '')
    assert.equal(await firstFault(join(folder.path, 'file', 'agent.sock')), 'ERR_WORKLOAD_API_SOCKET_MISSING')
  })

  test('says that nobody listens', async () => {
    await using folder = await SocketFolder.make()
    await writeFile(folder.socket, '')
    assert.equal(await firstFault(folder.socket), 'ERR_WORKLOAD_API_REFUSED')
  })

  test('says that an agent which accepts and stays silent is silent, and asks again', async () => {
    await using folder = await SocketFolder.make()
    await using api = await FakeWorkloadApi.start(folder.socket)
    await using watching = new Watching(folder.socket, { initialMs: 5, maxMs: 40 }, 50)
    await watching.untilState(({ kind }) => kind === 'waiting')
    assert.equal(watching.faults[0], 'ERR_WORKLOAD_API_TIMEOUT')
    api.say(response())
    await watching.untilContexts(1)
  })

  test('treats a server that does not speak HTTP/2 as unavailable', async () => {
    await using folder = await SocketFolder.make()
    const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(folder.socket)
    await once(server, 'listening')
    assert.equal(await firstFault(folder.socket), 'ERR_WORKLOAD_API_UNAVAILABLE')
    server.close()
  })
})

describe('a client', () => {
  test('ends its watches when the signal fires, and lets go of the connection', async () => {
    await using folder = await SocketFolder.make()
    await using api = await FakeWorkloadApi.start(folder.socket, response())
    await using client = new WorkloadApiClient({ address: folder.socket })
    const stop = new AbortController()
    let count = 0
    for await (const _context of client.watchX509Context({ signal: stop.signal })) {
      count += 1
      stop.abort()
    }
    assert.equal(count, 1)
    await api.untilNoConnection()
  })

  test('lets go of the connection when the reader leaves its loop', async () => {
    await using folder = await SocketFolder.make()
    await using api = await FakeWorkloadApi.start(folder.socket, response())
    await using client = new WorkloadApiClient({ address: folder.socket })
    for await (const _context of client.watchX509Context()) break
    await api.untilNoConnection()
  })

  test('gives a slow reader the newest context only', async () => {
    await using folder = await SocketFolder.make()
    await using api = await FakeWorkloadApi.start(folder.socket, response())
    await using client = new WorkloadApiClient({ address: folder.socket })
    const states: string[] = []
    let wake = () => {}
    const onState = ({ kind }: { kind: string }) => {
      states.push(kind)
      wake()
    }
    const contexts = client.watchX509Context({ onState })
    await contexts.next()
    for (const path of ['/b', '/c', '/d']) api.say({ svids: [fakeSvid(ca, ca.issue(path), path)] })
    while (states.filter((kind) => kind === 'streaming').length < 4)
      await new Promise<void>((resolve) => (wake = resolve))
    const { value } = await contexts.next()
    assert.equal(value?.svids[0]?.id, 'spiffe://example.org/d')
    await contexts.return()
  })

  test('fetches once: an answer, or the reason at once', async () => {
    await using folder = await SocketFolder.make()
    await using client = new WorkloadApiClient({ address: `unix:${folder.socket}` })
    await assert.rejects(client.fetchX509Context(), { code: 'ERR_WORKLOAD_API_SOCKET_MISSING' })
    await using api = await FakeWorkloadApi.start(folder.socket, response())
    assert.equal((await client.fetchX509Context()).svids.length, 1)
    api.say({ svids: [] })
    await assert.rejects(client.fetchX509Context(), { code: 'ERR_WORKLOAD_API_RESPONSE_INVALID' })
    api.say('silence')
    await assert.rejects(client.fetchX509Context({ signal: AbortSignal.timeout(20) }), { name: 'TimeoutError' })
  })

  test('that is closed refuses to work', async () => {
    await using folder = await SocketFolder.make()
    const client = new WorkloadApiClient({ address: folder.socket })
    await client.close()
    await assert.rejects(client.fetchX509Context(), { code: 'ERR_WORKLOAD_API_CLOSED' })
    await assert.rejects(client.watchX509Context().next(), { code: 'ERR_WORKLOAD_API_CLOSED' })
  })

  test('that is closed keeps no process alive', async () => {
    await using folder = await SocketFolder.make()
    await using api = await FakeWorkloadApi.start(folder.socket, response())
    const program = `
      const { WorkloadApiClient } = await import(${JSON.stringify(join(repositoryRoot, 'dist/workload-api/index.js'))})
      const client = new WorkloadApiClient({ address: ${JSON.stringify(folder.socket)} })
      for await (const context of client.watchX509Context()) break
      await client.fetchX509Context()
      await client.close()
      process.send('closed')
      process.disconnect()`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const [message] = await once(child, 'message')
    assert.equal(message, 'closed')
    const [code] = await once(child, 'exit')
    assert.equal(code, 0)
    assert.equal(api.calls.length, 2)
  })
})
