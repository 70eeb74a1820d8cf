import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect, createServer, type Server as SocketServer } from 'node:net'
import { describe, test } from 'node:test'
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  status,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js'
import {
  addWorkloadApi,
  parseTrustDomain,
  SpiffeError,
  WorkloadApiClient,
  X509Bundle,
  X509Svid,
  type WorkloadApiServiceOptions,
  type X509Context,
} from '../../../workload-api/index.js'
import { workloadApiService } from '../../../workload-api/proto/workload-service.js'
import { FakeCa } from '../../fakes/fake-ca.js'
import { SocketFolder } from '../client/watching.js'

const ca = FakeCa.create('example.org')
const partner = FakeCa.create('partner.org')

function bundle(authority: FakeCa): X509Bundle {
  return X509Bundle.parse(parseTrustDomain(authority.trustDomain), authority.certificate)
}

function context(path: string, authorities: FakeCa[] = [ca], crl: Uint8Array[] = []): X509Context {
  const { certificate, pkcs8 } = ca.issue(path)
  const bundles = new Map(authorities.map((authority) => [bundle(authority).trustDomain, bundle(authority)]))
  return { svids: [X509Svid.parse(certificate, pkcs8, path.slice(1))], bundles, crl }
}

/** A server whose connections all come from the peer called `uid=1000,pid=7`. */
class Serving implements AsyncDisposable {
  private constructor(
    readonly folder: SocketFolder,
    readonly grpc: Server,
    readonly listener: SocketServer,
  ) {}

  static async start(watchX509Context: WorkloadApiServiceOptions['watchX509Context'], onError?: (e: Error) => void) {
    const folder = await SocketFolder.make()
    const grpc = new Server()
    addWorkloadApi(grpc, { watchX509Context, ...(onError && { onError }) })
    const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure())
    const listener = createServer({ pauseOnConnect: true }, (socket) => {
      Object.defineProperty(socket, 'remoteAddress', { value: 'uid=1000,pid=7' })
      socket.on('error', () => socket.destroy())
      injector.injectConnection(socket)
      socket.resume()
    }).listen(folder.socket)
    await once(listener, 'listening')
    return new Serving(folder, grpc, listener)
  }

  client(): WorkloadApiClient {
    return new WorkloadApiClient({ address: this.folder.socket, backoff: { initialMs: 5, maxMs: 20 } })
  }

  /** The status of one call made by hand. */
  async call(name: keyof typeof workloadApiService, headers: readonly string[]): Promise<ServiceError> {
    const client = new Client(`unix://${this.folder.socket}`, credentials.createInsecure())
    const metadata = new Metadata()
    for (const value of headers) metadata.add('workload.spiffe.io', value)
    const { path, responseDeserialize } = workloadApiService[name] as MethodDefinition<object, object>
    const call = client.makeServerStreamRequest<object, object>(
      path,
      () => Buffer.alloc(0),
      responseDeserialize,
      {},
      metadata,
    )
    call.resume()
    const [error] = await once(call, 'error')
    client.close()
    assert.ok(error instanceof Error && 'details' in error && 'code' in error)
    return error as ServiceError
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.grpc.forceShutdown()
    this.listener.close()
    await this.folder[Symbol.asyncDispose]()
  }
}

async function* only(...contexts: X509Context[]): AsyncGenerator<X509Context> {
  yield* contexts
  await new Promise(() => {})
}

describe('the Workload API service', () => {
  test('gives the whole state at once and again at each change, to the peer its connection names', async () => {
    const peers: string[] = []
    const contexts = [context('/a', [ca, partner]), context('/b')]
    await using serving = await Serving.start((peer) => {
      peers.push(peer)
      return only(...contexts)
    })
    await using client = serving.client()
    const received: X509Context[] = []
    for await (const each of client.watchX509Context()) {
      received.push(each)
      if (each.svids[0]!.id.endsWith('/b')) break
    }
    assert.deepEqual(peers, ['uid=1000,pid=7'])
    const last = received.at(-1)!
    assert.equal(last.svids[0]!.hint, 'b')
    assert.ok(last.svids[0]!.privateKey.equals(contexts[1]!.svids[0]!.privateKey))
    assert.deepEqual([...last.bundles.keys()], ['example.org'])
  })

  test('carries federated bundles and revocation lists', async () => {
    await using serving = await Serving.start(() => only(context('/a', [ca, partner], [Buffer.from('list')])))
    await using client = serving.client()
    const { bundles, crl } = await client.fetchX509Context()
    assert.ok(bundles.get(parseTrustDomain('partner.org'))!.equals(bundle(partner)))
    assert.equal(Buffer.from(crl[0]!).toString(), 'list')
  })

  test('offers the bundles alone, and repeats them only when they change', async () => {
    const contexts = [context('/a'), context('/b'), context('/c', [ca, partner])]
    await using serving = await Serving.start(() => only(...contexts))
    await using client = serving.client()
    const sizes: number[] = []
    const states: string[] = []
    for await (const bundles of client.watchX509Bundles({ onState: ({ kind }) => states.push(kind) })) {
      sizes.push(bundles.size)
      if (bundles.size === 2) break
    }
    assert.equal(sizes.at(-1), 2)
    assert.ok(states.filter((kind) => kind === 'streaming').length <= 2)
  })

  for (const [why, headers] of [
    ['no security header', []],
    ['an empty one', ['']],
    ['another value', ['false']],
    ['another case', ['TRUE']],
    ['two of them', ['true', 'true']],
  ] as const) {
    test(`answers InvalidArgument to a call with ${why}`, async () => {
      let asked = false
      await using serving = await Serving.start(() => {
        asked = true
        return only(context('/a'))
      })
      for (const name of ['FetchX509SVID', 'FetchX509Bundles', 'FetchJWTBundles', 'FetchJWTSVID'] as const) {
        assert.equal((await serving.call(name, headers)).code, status.INVALID_ARGUMENT)
      }
      assert.equal(asked, false)
    })
  }

  test('answers PermissionDenied to a caller without an identity', async () => {
    await using serving = await Serving.start(async function* () {})
    const { code, details } = await serving.call('FetchX509SVID', ['true'])
    assert.deepEqual([code, details], [status.PERMISSION_DENIED, 'no identity issued'])
  })

  test('ends the stream with PermissionDenied when the identity is taken back', async () => {
    await using serving = await Serving.start(async function* () {
      yield context('/a')
      throw new SpiffeError('ERR_WORKLOAD_API_PERMISSION_DENIED', 'uid 1000 was removed')
    })
    const { code, details } = await serving.call('FetchX509SVID', ['true'])
    assert.deepEqual([code, details], [status.PERMISSION_DENIED, 'no identity issued'])
  })

  test('tells a caller nothing of a fault of its own, and its owner everything', async () => {
    const errors: Error[] = []
    await using serving = await Serving.start(
      async function* () {
        yield context('/a')
        throw new Error('the token in slot 3 is gone')
      },
      (error) => errors.push(error),
    )
    const { code, details } = await serving.call('FetchX509SVID', ['true'])
    assert.equal(code, status.UNAVAILABLE)
    assert.ok(!details.includes('slot'))
    assert.equal(errors[0]?.message, 'the token in slot 3 is gone')
  })

  for (const [why, change] of [
    ['an SVID', { svids: [] }],
    ['the bundle of an SVID', { bundles: new Map() }],
  ] as const) {
    test(`does not send a context without ${why}`, async () => {
      const errors: Error[] = []
      await using serving = await Serving.start(
        () => only({ ...context('/a'), ...change }),
        (error) => errors.push(error),
      )
      const { code, details } = await serving.call('FetchX509SVID', ['true'])
      assert.deepEqual([code, details], [status.UNAVAILABLE, 'the identity cannot be served at the moment'])
      assert.ok(errors[0] instanceof TypeError)
    })
  }

  test('declares the JWT profile and answers Unimplemented to it when nothing issues tokens', async () => {
    await using serving = await Serving.start(() => only(context('/a')))
    for (const name of ['FetchJWTSVID', 'FetchJWTBundles', 'ValidateJWTSVID'] as const) {
      assert.equal((await serving.call(name, ['true'])).code, status.UNIMPLEMENTED)
    }
  })

  test('tells its source when the caller is gone', async () => {
    const gone = resolvers()
    await using serving = await Serving.start(async function* (_peer, signal) {
      yield context('/a')
      if (!signal.aborted) await once(signal, 'abort')
      gone.resolve()
    })
    const client = serving.client()
    for await (const _context of client.watchX509Context()) break
    await client.close()
    await gone.promise
  })

  test('holds one message for a caller that does not read, while others are served', async () => {
    const taken = new Map<string, number>()
    const large = [new Uint8Array(1024 * 1024)]
    let number = 0
    await using serving = await Serving.start(async function* () {
      const name = String((number += 1))
      for (;;) {
        taken.set(name, (taken.get(name) ?? 0) + 1)
        yield context(`/${taken.get(name)}`, [ca], large)
      }
    })
    const session = connectHttp2('http://localhost', { createConnection: () => connect(serving.folder.socket) })
    const { path } = workloadApiService.FetchX509SVID
    const headers = { 'content-type': 'application/grpc', te: 'trailers', 'workload.spiffe.io': 'true' }
    const stalled = session.request({ ':method': 'POST', ':path': path, ...headers })
    // One empty message; what comes back is never read, so the windows of HTTP/2 fill up.
    stalled.end(new Uint8Array(5))
    await once(stalled, 'response')
    await using client = serving.client()
    let received = 0
    for await (const _context of client.watchX509Context()) if ((received += 1) === 12) break
    assert.ok(taken.get('1')! < 6, `the stalled caller was given ${taken.get('1')} messages`)
    session.destroy()
  })
})

function resolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}
