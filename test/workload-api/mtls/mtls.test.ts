import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:tls'
import { inspect } from 'node:util'
import { describe, test } from 'node:test'
import {
  authorizeAny,
  authorizeId,
  mtls,
  parseSpiffeId,
  peerIdOf,
  SpiffeError,
  UnauthorizedPeerError,
  type Authorizer,
} from '../../../workload-api/index.js'
import { FakeCa } from '../../fakes/fake-ca.js'
import { bundlesOf, svidOf } from '../material.js'
import { ask, ca, ChosenSource, EchoServer, identityOf, members, partner, portOf } from './serving.js'

describe('mutual TLS', () => {
  test('two identities of one trust domain talk, and the server knows whose the client is', async () => {
    await using server = await EchoServer.start(identityOf('/server'))
    assert.equal(await ask(server.port, identityOf('/client').connectOptions()), 'hello')
    assert.equal(peerIdOf(server.admitted[0]!), 'spiffe://example.org/client')
  })

  test('two federated trust domains talk, chains with intermediates on either side', async () => {
    const trusts = [ca, partner]
    const authorizer = authorizeAny()
    await using server = await EchoServer.start(
      identityOf('/server', { authority: ca.intermediate(), trusts, authorizer }),
    )
    const client = identityOf('/client', { authority: partner.intermediate(), trusts, authorizer })
    assert.equal(await ask(server.port, client.connectOptions()), 'hello')
    assert.equal(peerIdOf(server.admitted[0]!), 'spiffe://partner.org/client')
  })

  test('a client whom the server does not want is refused before any of its bytes is read', async () => {
    const authorizer = authorizeId(parseSpiffeId('spiffe://example.org/other'))
    await using server = await EchoServer.start(identityOf('/server', { authorizer }))
    await assert.rejects(ask(server.port, identityOf('/client').connectOptions()))
    assert.ok((await server.untilRefused()) instanceof UnauthorizedPeerError)
    assert.deepEqual([server.admitted, server.received], [[], []])
  })

  test('a server whom the client does not want is refused and never sees an application byte', async () => {
    const heard: Buffer[] = []
    const identity = identityOf('/server')
    const server = identity.protect(
      createServer(identity.serverOptions, (socket) => {
        socket.on('error', () => {})
        socket.on('data', (data) => heard.push(data))
      }),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const over = new Promise<void>((resolve) =>
      server.on('connection', (socket) => socket.on('close', () => resolve())),
    )
    const authorizer = authorizeId(parseSpiffeId('spiffe://example.org/other'))
    await assert.rejects(
      ask(portOf(server), identityOf('/client', { authorizer }).connectOptions()),
      UnauthorizedPeerError,
    )
    await over
    server.close()
    assert.deepEqual(heard, [])
  })

  test("one trust domain's authority cannot vouch for an ID of another, in either direction", async () => {
    const forged = { names: [{ uri: 'spiffe://example.org/forged' }] }
    const both = { trusts: [ca, partner], authorizer: authorizeAny() }
    const forger = identityOf('/', { ...both, authority: partner, issue: forged })
    await using honest = await EchoServer.start(identityOf('/server', both))
    await assert.rejects(ask(honest.port, forger.connectOptions()))
    assert.equal(codeOf(await honest.untilRefused()), 'ERR_X509_SVID_UNTRUSTED')
    assert.deepEqual(honest.received, [])
    await using impostor = await EchoServer.start(forger)
    await assert.rejects(ask(impostor.port, identityOf('/client', both).connectOptions()), {
      code: 'ERR_X509_SVID_UNTRUSTED',
    })
  })

  test('a client without a certificate is refused', async () => {
    await using server = await EchoServer.start(identityOf('/server'))
    await assert.rejects(ask(server.port, { ca: [ca.certificatePem], checkServerIdentity: () => undefined }))
    await server.untilRefused()
    assert.deepEqual(server.admitted, [])
  })

  test('an authority that no bundle has is refused on both sides', async () => {
    const stranger = FakeCa.create('example.org')
    await using server = await EchoServer.start(identityOf('/server'))
    await assert.rejects(ask(server.port, identityOf('/x', { authority: stranger }).connectOptions()))
    await server.untilRefused()
    await assert.rejects(ask(server.port, identityOf('/x', { trusts: [stranger] }).connectOptions()))
    assert.deepEqual(server.received, [])
  })

  test('an environment that turns verification off does not', async () => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    try {
      await using server = await EchoServer.start(identityOf('/server'))
      const stranger = identityOf('/client', { trusts: [FakeCa.create('example.org')] })
      await assert.rejects(ask(server.port, stranger.connectOptions()))
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    }
  })

  for (const [name, broken] of [
    ['throws', () => assert.fail('broken')],
    ['answers with a promise', () => Promise.resolve({ allowed: true })],
    ['answers with something true', () => ({ allowed: 'yes' })],
    ['answers with nothing', () => undefined],
  ] as const) {
    test(`an authorizer that ${name} admits nobody`, async () => {
      const authorizer = broken as unknown as Authorizer
      await using server = await EchoServer.start(identityOf('/server', { authorizer }))
      await assert.rejects(ask(server.port, identityOf('/client').connectOptions()))
      await server.untilRefused()
      await using other = await EchoServer.start(identityOf('/server'))
      await assert.rejects(ask(other.port, identityOf('/client', { authorizer }).connectOptions()))
      assert.deepEqual([...server.received, ...other.received], [])
    })
  }

  test('sessions are not resumed, with either version of TLS', async () => {
    for (const minTlsVersion of ['1.3', '1.2'] as const) {
      const source = new ChosenSource()
      source.sink.put({ svid: svidOf(ca, '/server'), bundles: bundlesOf(ca) })
      await using server = await EchoServer.start(mtls(source, members, { minTlsVersion }))
      const client = { ...identityOf('/client').connectOptions(), host: '127.0.0.1', port: server.port }
      const plain = { ...svidOf(ca, '/client').toPem() }
      const options = {
        ...client,
        secureContext: undefined!,
        key: plain.privateKey,
        cert: plain.chain,
        ca: [ca.certificatePem],
        maxVersion: `TLSv${minTlsVersion}` as const,
      }
      const sessions: Buffer[] = []
      const first = connect(options)
      first.on('session', (session) => sessions.push(session))
      first.write('hello')
      await once(first, 'data')
      const session = sessions[0] ?? first.getSession()
      first.destroy()
      const second = connect({ ...options, ...(session && { session }) })
      second.write('again')
      await once(second, 'data')
      assert.equal(second.isSessionReused(), false)
      second.destroy()
      await source.close()
    }
  })

  test('new connections have the new identity and bundles, and established ones go on', async () => {
    const source = new ChosenSource()
    source.sink.put({ svid: svidOf(ca, '/before'), bundles: bundlesOf(ca) })
    await using server = await EchoServer.start(mtls(source, authorizeAny()))
    const client = identityOf('/client', { trusts: [ca, partner], authorizer: authorizeAny() })
    const established = connect({ host: '127.0.0.1', port: server.port, ...client.connectOptions() })
    established.write('one')
    await once(established, 'data')
    source.sink.put({ svid: svidOf(partner, '/after'), bundles: bundlesOf(partner) })
    await assert.rejects(ask(server.port, client.connectOptions()))
    const newcomer = identityOf('/client', {
      authority: partner,
      trusts: [partner],
      authorizer: authorizeId(parseSpiffeId('spiffe://partner.org/after')),
    })
    assert.equal(await ask(server.port, newcomer.connectOptions()), 'hello')
    established.write('two')
    await once(established, 'data')
    established.destroy()
    await source.close()
  })

  test('a source that has nothing, was closed or whose SVID expired lets nobody through', async () => {
    const source = new ChosenSource()
    const identity = mtls(source, members)
    await using server = await EchoServer.start(identity)
    await assert.rejects(ask(server.port, identityOf('/client').connectOptions()))
    assert.throws(() => identity.connectOptions(), { code: 'ERR_SOURCE_NOT_READY' })
    source.sink.put({ svid: svidOf(ca, '/server'), bundles: bundlesOf(ca) })
    assert.equal(await ask(server.port, identityOf('/client').connectOptions()), 'hello')
    source.sink.withdraw(new SpiffeError('ERR_WORKLOAD_API_PERMISSION_DENIED', 'taken back'))
    await assert.rejects(ask(server.port, identityOf('/client').connectOptions()))
    assert.throws(() => identity.connectOptions(), { code: 'ERR_WORKLOAD_API_PERMISSION_DENIED' })
    await source.close()
    assert.throws(() => identity.connectOptions(), { code: 'ERR_SOURCE_CLOSED' })
    const soon = new Date(Date.now() - 1_000)
    const late = identityOf('/server', { issue: { notBefore: new Date(0), notAfter: soon } })
    assert.throws(() => late.connectOptions(), { code: 'ERR_X509_SVID_EXPIRED' })
  })

  test('a server that was not given to protect, or not made with serverOptions, serves nobody', async () => {
    const identity = identityOf('/server')
    const server = createServer(identity.serverOptions)
    server.on('tlsClientError', () => {})
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    await assert.rejects(ask(portOf(server), identityOf('/client').connectOptions()))
    server.close()
    assert.throws(() => identity.protect(createServer()), TypeError)
    assert.throws(() => identity.protect(createServer({ requestCert: true, rejectUnauthorized: false })), TypeError)
  })

  test('the private key is in nothing that is logged', async () => {
    const svid = svidOf(ca, '/server')
    const secret = svid.privateKey.export({ format: 'jwk' }).d!
    const body = svid.toPem().privateKey.split('\n')[1]!
    const source = new ChosenSource()
    source.sink.put({ svid, bundles: bundlesOf(ca) })
    const identity = mtls(source, members)
    await using server = await EchoServer.start(identity)
    const shown = inspect([identity, identity.connectOptions(), server.server, source.snapshot()], {
      depth: 12,
      maxStringLength: null,
    })
    for (const text of [secret, body]) assert.ok(!shown.includes(text))
    await source.close()
  })
})

function codeOf(error: Error): unknown {
  return error instanceof SpiffeError ? error.code : error
}
