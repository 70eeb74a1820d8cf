import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createSecureServer, connect as connectHttp2 } from 'node:http2'
import { createServer, request, type Server } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import * as grpc from '@grpc/grpc-js'
import {
  authorizeAny,
  authorizeId,
  mtls,
  parseSpiffeId,
  peerIdOf,
  peerIdOfCall,
  UnauthorizedPeerError,
  type Mtls,
} from '../../../workload-api/index.js'
import { bundlesOf, svidOf } from '../material.js'
import { ca, ChosenSource, identityOf, members, portOf } from './serving.js'

const onlyOther = authorizeId(parseSpiffeId('spiffe://example.org/other'))

async function get(port: number, { agent }: Pick<Mtls, 'agent'>): Promise<string> {
  const [response] = (await once(request({ host: '127.0.0.1', port, agent }).end(), 'response')) as [IncomingMessage]
  return text(response)
}

/** Answers with who asked, and on which connection of this server. */
class HttpsServer implements AsyncDisposable {
  connections = 0
  readonly refused: Error[] = []

  private constructor(readonly server: Server) {}

  static async start(identity: Mtls): Promise<HttpsServer> {
    const numbers = new WeakMap<object, number>()
    const server = identity.protect(
      createServer(identity.serverOptions, ({ socket }, response) => {
        if (!numbers.has(socket)) numbers.set(socket, (https.connections += 1))
        response.end(`${peerIdOf(socket)} ${numbers.get(socket)}`)
      }),
    )
    const https = new HttpsServer(server)
    server.on('tlsClientError', (error) => https.refused.push(error))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return https
  }

  get port(): number {
    return portOf(this.server)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections()
    this.server.close()
    await once(this.server, 'close')
  }
}

describe('HTTPS by SPIFFE ID', () => {
  test('keeps a connection for the next request, until the next rotation of the client', async () => {
    await using server = await HttpsServer.start(identityOf('/server'))
    const source = new ChosenSource()
    source.sink.put({ svid: svidOf(ca, '/old'), bundles: bundlesOf(ca) })
    const client = mtls(source, members)
    assert.equal(await get(server.port, client), 'spiffe://example.org/old 1')
    assert.equal(await get(server.port, client), 'spiffe://example.org/old 1')
    source.sink.put({ svid: svidOf(ca, '/new'), bundles: bundlesOf(ca) })
    assert.equal(await get(server.port, client), 'spiffe://example.org/new 2')
    client.agent.destroy()
    await source.close()
  })

  test('checks the server on every connection, with an agent that keeps none', async () => {
    await using server = await HttpsServer.start(identityOf('/server'))
    let checks = 0
    const identity = identityOf('/client', {
      authorizer: (peer, chain) => {
        checks += 1
        return members(peer, chain)
      },
    })
    for (let turn = 0; turn < 3; turn += 1) {
      await get(server.port, identity)
      identity.agent.destroy()
    }
    assert.equal(checks, 3)
  })

  test('gives a client that is refused no answer and its request to no handler', async () => {
    await using server = await HttpsServer.start(identityOf('/server', { authorizer: onlyOther }))
    const client = identityOf('/client')
    await assert.rejects(get(server.port, client))
    assert.ok(server.refused[0] instanceof UnauthorizedPeerError)
    assert.equal(server.connections, 0)
    client.agent.destroy()
  })

  test('ends a request to a server that is refused with the reason', async () => {
    await using server = await HttpsServer.start(identityOf('/server'))
    const client = identityOf('/client', { authorizer: onlyOther })
    await assert.rejects(get(server.port, client), UnauthorizedPeerError)
    assert.equal(server.connections, 0)
  })

  test('ends a request without an identity with the reason, and not by a throw', async () => {
    const source = new ChosenSource()
    const client = mtls(source, members)
    await assert.rejects(get(1, client), { code: 'ERR_SOURCE_NOT_READY' })
    await source.close()
  })
})

describe('HTTP/2 by SPIFFE ID', () => {
  async function serve(identity: Mtls): Promise<{ port: number; refused: Error[]; close: () => Promise<void> }> {
    const refused: Error[] = []
    const server = identity.protect(
      createSecureServer(identity.serverOptions, ({ stream }, response) => {
        response.end(String(peerIdOf(stream.session?.socket ?? {})))
      }),
    )
    server.on('tlsClientError', (error) => refused.push(error))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const close = async (): Promise<void> => {
      server.close()
      await once(server, 'close')
    }
    return { port: portOf(server), refused, close }
  }

  test('answers and knows who asks', async () => {
    const server = await serve(identityOf('/server'))
    const session = connectHttp2(`https://127.0.0.1:${server.port}`, identityOf('/client').connectOptions())
    assert.equal(await text(session.request({ ':path': '/' }).end()), 'spiffe://example.org/client')
    session.close()
    await server.close()
  })

  test('refuses a client and a server that are not wanted', async () => {
    const server = await serve(identityOf('/server', { authorizer: onlyOther }))
    const url = `https://127.0.0.1:${server.port}`
    for (const authorizer of [members, onlyOther]) {
      const session = connectHttp2(url, identityOf('/client', { authorizer }).connectOptions())
      session.on('error', () => {})
      const stream = session.request({ ':path': '/' })
      stream.on('error', () => {})
      stream.on('response', () => assert.fail('answered'))
      // By an error or, when the connection simply ends, without one.
      await new Promise((resolve) => stream.on('close', resolve))
    }
    assert.ok(server.refused[0] instanceof UnauthorizedPeerError)
    await server.close()
  })
})

describe('gRPC by SPIFFE ID', () => {
  const bytes = (value: Buffer): Buffer => value
  const method = {
    path: '/Test/WhoAmI',
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  } as const

  class GrpcServer implements AsyncDisposable {
    calls = 0
    readonly refused: Error[] = []
    readonly grpc = new grpc.Server()
    readonly listener

    private constructor(identity: Mtls) {
      this.grpc.addService(
        { WhoAmI: method },
        {
          WhoAmI: (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) => {
            this.calls += 1
            answer(null, Buffer.from(String(peerIdOfCall(call))))
          },
        },
      )
      this.listener = identity.grpcListener(grpc, this.grpc)
      this.listener.on('tlsClientError', (error) => this.refused.push(error))
    }

    static async start(identity: Mtls): Promise<GrpcServer> {
      const server = new GrpcServer(identity)
      server.listener.listen(0, '127.0.0.1')
      await once(server.listener, 'listening')
      return server
    }

    async [Symbol.asyncDispose](): Promise<void> {
      this.grpc.forceShutdown()
      this.listener.close()
      await once(this.listener, 'close')
    }
  }

  function whoAmI(port: number, identity: Mtls): Promise<string> {
    const client = new grpc.Client(`127.0.0.1:${port}`, identity.channelCredentials(grpc))
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(method.path, bytes, bytes, Buffer.from('x'), (error, answer) => {
        client.close()
        if (error) reject(error)
        else resolve(String(answer))
      })
    })
  }

  test('answers, knows who calls, and follows the rotations of both', async () => {
    const [servers, clients] = [new ChosenSource(), new ChosenSource()]
    servers.sink.put({ svid: svidOf(ca, '/server'), bundles: bundlesOf(ca) })
    clients.sink.put({ svid: svidOf(ca, '/one'), bundles: bundlesOf(ca) })
    await using server = await GrpcServer.start(mtls(servers, authorizeAny()))
    const client = mtls(clients, authorizeAny())
    assert.equal(await whoAmI(portOf(server.listener), client), 'spiffe://example.org/one')
    clients.sink.put({ svid: svidOf(ca, '/two'), bundles: bundlesOf(ca) })
    servers.sink.put({ svid: svidOf(ca, '/other'), bundles: bundlesOf(ca) })
    assert.equal(await whoAmI(portOf(server.listener), client), 'spiffe://example.org/two')
    assert.equal(
      await whoAmI(portOf(server.listener), identityOf('/x', { authorizer: onlyOther })),
      'spiffe://example.org/x',
    )
    await Promise.all([servers.close(), clients.close()])
  })

  test('refuses a client that is not wanted before a call of it is heard', async () => {
    await using server = await GrpcServer.start(identityOf('/server', { authorizer: onlyOther }))
    await assert.rejects(whoAmI(portOf(server.listener), identityOf('/client')), { code: grpc.status.UNAVAILABLE })
    assert.ok(server.refused[0] instanceof UnauthorizedPeerError)
    assert.equal(server.calls, 0)
  })

  test('refuses a server that is not wanted, and says why', async () => {
    await using server = await GrpcServer.start(identityOf('/server'))
    const client = identityOf('/client', { authorizer: onlyOther })
    await assert.rejects(whoAmI(portOf(server.listener), client), /spiffe:\/\/example.org\/server" is not authorized/)
    assert.equal(server.calls, 0)
  })

  test('keeps call credentials that are composed with its own', async () => {
    const metadata = new grpc.Metadata()
    metadata.set('authorization', 'Bearer x')
    const call = grpc.credentials.createFromMetadataGenerator((_options, done) => done(null, metadata))
    await using server = await GrpcServer.start(identityOf('/server'))
    const identity = identityOf('/client')
    const composed = identity.channelCredentials(grpc).compose(call)
    assert.equal(
      await whoAmI(portOf(server.listener), { ...identity, channelCredentials: () => composed }),
      'spiffe://example.org/client',
    )
  })
})
