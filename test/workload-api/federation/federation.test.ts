import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import { describe, test } from 'node:test'
import {
  BundleSource,
  bundleHandler,
  fetchBundle,
  parseSpiffeId,
  parseTrustDomain,
  SpiffeBundle,
  watchBundle,
  type BundleEndpoint,
  type BundleEndpointProfile,
  type SpiffeErrorCode,
} from '../../../workload-api/index.js'
import { FakeCa, type Issued } from '../../fakes/fake-ca.js'
import { bundlesOf, FakeJwtIssuer } from '../material.js'
import { portOf } from '../mtls/serving.js'

const trustDomain = parseTrustDomain('partner.org')
const ca = FakeCa.create('partner.org')
const web = FakeCa.create('web')
const webLeaf = web.issue('/', { names: [{ dns: 'localhost' }] })
const spiffeLeaf = ca.issue('/endpoint')
const jwtAuthorities = new FakeJwtIssuer('partner.org').bundle.jwtAuthorities

const https_web: BundleEndpointProfile = { kind: 'https_web', ca: web.certificatePem }
const endpointSpiffeId = parseSpiffeId('spiffe://partner.org/endpoint')
const https_spiffe: BundleEndpointProfile = { kind: 'https_spiffe', endpointSpiffeId, bundles: bundlesOf(ca) }

function bundle(sequenceNumber?: bigint, x509Authorities: readonly Uint8Array[] = [ca.certificate]): SpiffeBundle {
  const sequence = sequenceNumber === undefined ? {} : { sequenceNumber }
  return new SpiffeBundle(trustDomain, { x509Authorities, jwtAuthorities, refreshHintSeconds: 0, ...sequence })
}

/** An endpoint on localhost with the given certificate. */
class Endpoint implements AsyncDisposable {
  private constructor(
    readonly server: Server,
    readonly url: string,
  ) {}

  static async start(handler: RequestListener, leaf: Issued = webLeaf): Promise<Endpoint> {
    const server = createServer({ key: leaf.keyPem, cert: leaf.chainPem }, handler)
    server.listen(0, 'localhost')
    await once(server, 'listening')
    return new Endpoint(server, `https://localhost:${portOf(server)}/bundle`)
  }

  by(profile: BundleEndpointProfile): BundleEndpoint {
    return { trustDomain, url: this.url, profile }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections()
    this.server.close()
    await once(this.server, 'close')
  }
}

function refused(endpoint: BundleEndpoint, code: SpiffeErrorCode): Promise<void> {
  return assert.rejects(fetchBundle(endpoint), { name: 'SpiffeError', code })
}

describe('a bundle endpoint', () => {
  test('of profile https_web is known by its host name and its authority', async () => {
    await using endpoint = await Endpoint.start(bundleHandler(() => bundle(7n)))
    assert.ok((await fetchBundle(endpoint.by(https_web))).equals(bundle(7n)))
    await refused(endpoint.by({ kind: 'https_web' }), 'ERR_BUNDLE_ENDPOINT_UNTRUSTED')
    const byAddress = { ...endpoint.by(https_web), url: endpoint.url.replace('localhost', '127.0.0.1') }
    await assert.rejects(fetchBundle(byAddress), { name: 'SpiffeError' })
  })

  test('of profile https_spiffe is known by exactly its ID, whatever its host name', async () => {
    await using endpoint = await Endpoint.start(
      bundleHandler(() => bundle()),
      spiffeLeaf,
    )
    assert.ok((await fetchBundle(endpoint.by(https_spiffe))).equals(bundle()))
    const other = parseSpiffeId('spiffe://partner.org/other')
    await refused(endpoint.by({ ...https_spiffe, endpointSpiffeId: other }), 'ERR_BUNDLE_ENDPOINT_UNTRUSTED')
    const stranger = bundlesOf(FakeCa.create('partner.org'))
    await refused(endpoint.by({ ...https_spiffe, bundles: stranger }), 'ERR_BUNDLE_ENDPOINT_UNTRUSTED')
    await refused(endpoint.by({ ...https_spiffe, bundles: new Map() }), 'ERR_BUNDLE_ENDPOINT_UNTRUSTED')
    await refused(endpoint.by(https_web), 'ERR_BUNDLE_ENDPOINT_UNTRUSTED')
  })

  test('with a certificate of the web is no SPIFFE endpoint', async () => {
    await using endpoint = await Endpoint.start(bundleHandler(() => bundle()))
    const bundles = new Map([[trustDomain, [...bundlesOf(web).values()][0]!]])
    await refused(endpoint.by({ ...https_spiffe, bundles }), 'ERR_BUNDLE_ENDPOINT_UNTRUSTED')
  })

  for (const url of [
    'http://localhost/',
    'https://user@localhost/',
    'https://@localhost/',
    'https://a:b@localhost/',
    'spiffe://a',
    'localhost',
    '',
  ]) {
    test(`"${url}" is no URL of one`, () =>
      refused({ trustDomain, url, profile: https_web }, 'ERR_BUNDLE_ENDPOINT_INVALID'))
  }

  test('may redirect to another, to nothing that may not be one, and not for ever', async () => {
    await using target = await Endpoint.start(bundleHandler(() => bundle(1n)))
    for (const [location, code] of [
      ['http://localhost/', 'ERR_BUNDLE_ENDPOINT_INVALID'],
      ['https://user@localhost/', 'ERR_BUNDLE_ENDPOINT_INVALID'],
      ['/again', 'ERR_BUNDLE_ENDPOINT_RESPONSE_INVALID'],
    ] as const) {
      await using redirecting = await Endpoint.start((_request, response) =>
        response.writeHead(302, { location }).end(),
      )
      await refused(redirecting.by(https_web), code)
    }
    await using redirecting = await Endpoint.start((_request, response) =>
      response.writeHead(307, { location: target.url }).end(),
    )
    assert.ok((await fetchBundle(redirecting.by(https_web))).equals(bundle(1n)))
    // The same profile holds at each hop: one of the web's does not vouch for a SPIFFE ID.
    await using fromSpiffe = await Endpoint.start(
      (_request, response) => response.writeHead(307, { location: target.url }).end(),
      spiffeLeaf,
    )
    await refused(fromSpiffe.by(https_spiffe), 'ERR_BUNDLE_ENDPOINT_UNTRUSTED')
  })

  test('that answers with another status, too much, or no bundle gives nothing', async () => {
    for (const [handler, code] of [
      [(_request, response) => response.writeHead(404).end(bundle().marshal()), 'ERR_BUNDLE_ENDPOINT_UNAVAILABLE'],
      [(_request, response) => response.writeHead(302).end(), 'ERR_BUNDLE_ENDPOINT_UNAVAILABLE'],
      [(_request, response) => response.end(Buffer.alloc(2 ** 20 + 1, 0x20)), 'ERR_BUNDLE_ENDPOINT_RESPONSE_INVALID'],
      [(_request, response) => response.end('<html>'), 'ERR_SPIFFE_BUNDLE_INVALID'],
      [
        (_request, response) => response.writeHead(200, { 'content-length': 9 }).write('{', () => response.destroy()),
        'ERR_BUNDLE_ENDPOINT_UNAVAILABLE',
      ],
    ] satisfies [RequestListener, SpiffeErrorCode][]) {
      await using endpoint = await Endpoint.start(handler)
      await refused(endpoint.by(https_web), code)
    }
  })

  test('that stays silent costs no more than the deadline', async () => {
    await using endpoint = await Endpoint.start(() => {})
    await assert.rejects(fetchBundle(endpoint.by(https_web), { timeoutMs: 50 }), {
      code: 'ERR_BUNDLE_ENDPOINT_UNAVAILABLE',
    })
    const stop = new AbortController()
    const fetching = fetchBundle(endpoint.by(https_web), { signal: stop.signal })
    stop.abort(new Error('enough'))
    await assert.rejects(fetching, /enough/)
  })
})

describe('a poll of a bundle endpoint', () => {
  const fast = { minIntervalMs: 5, maxIntervalMs: 20 }

  test('gives each newer bundle, keeps what it has of faults and of older ones, and goes on', async () => {
    const answers: (SpiffeBundle | string)[] = [
      bundle(1n),
      bundle(1n),
      'nonsense',
      bundle(3n, []),
      bundle(2n),
      bundle(4n),
    ]
    await using endpoint = await Endpoint.start((_request, response) => {
      const [answer = ''] = answers.length > 1 ? answers.splice(0, 1) : answers
      response.end(typeof answer === 'string' ? answer : answer.marshal())
    })
    const given: unknown[] = []
    const faults: string[] = []
    const onFault = ({ code }: { code: string }): void => void faults.push(code)
    for await (const { sequenceNumber } of watchBundle(endpoint.by(https_web), { ...fast, onFault })) {
      given.push(sequenceNumber)
      if (sequenceNumber === 4n) break
    }
    assert.deepEqual(given, [1n, 3n, 4n])
    assert.deepEqual(faults, ['ERR_SPIFFE_BUNDLE_INVALID', 'ERR_BUNDLE_ENDPOINT_RESPONSE_INVALID'])
  })

  test('of an endpoint that serves its own trust domain verifies it by the latest bundle fetched', async () => {
    const next = FakeCa.create('partner.org')
    let authorities = [ca.certificate, next.certificate]
    let sequence = 1n
    await using endpoint = await Endpoint.start(
      bundleHandler(() => bundle(sequence, authorities)),
      spiffeLeaf,
    )
    let faults = 0
    for await (const { sequenceNumber } of watchBundle(endpoint.by(https_spiffe), {
      ...fast,
      onFault: () => (faults += 1),
    })) {
      // The configured bundle has nothing of the authority the endpoint changes to.
      if (sequenceNumber === 1n) endpoint.server.setSecureContext(fresh(next))
      authorities = [next.certificate]
      sequence += 1n
      if (sequenceNumber === 3n) break
    }
    assert.equal(faults, 0)
  })

  test('feeds a source, whose bundles stay when an endpoint fails', async () => {
    let works = true
    await using endpoint = await Endpoint.start((_request, response) => response.end(works ? bundle(1n).marshal() : ''))
    let failed = (): void => {}
    const faulty = new Promise<void>((resolve) => (failed = resolve))
    await using source = BundleSource.federation([endpoint.by(https_web)], { ...fast, onFault: () => failed() })
    const before = await source.ready()
    assert.deepEqual([[...before.x509.keys()], [...before.jwt.keys()]], [['partner.org'], ['partner.org']])
    works = false
    await faulty
    assert.equal(source.snapshot(), before)
    assert.throws(() => BundleSource.federation([endpoint.by(https_web), endpoint.by(https_spiffe)]), TypeError)
  })
})

test('the handler of a bundle endpoint serves the newest, to GET and HEAD, and says nothing of its faults', async () => {
  let newest = (): SpiffeBundle => bundle(1n)
  const server = createHttpServer(bundleHandler(() => newest()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${portOf(server)}/`
  const answer = await fetch(url)
  assert.equal(answer.headers.get('content-type'), 'application/json')
  assert.equal(await answer.text(), bundle(1n).marshal())
  assert.equal(await (await fetch(url, { method: 'HEAD' })).text(), '')
  assert.equal((await fetch(url, { method: 'POST' })).status, 405)
  newest = () => assert.fail('private')
  const fault = await fetch(url)
  assert.deepEqual([fault.status, await fault.text()], [503, ''])
  server.closeAllConnections()
  server.close()
})

function fresh(authority: FakeCa): { readonly key: string; readonly cert: string } {
  const { keyPem, chainPem } = authority.issue('/endpoint')
  return { key: keyPem, cert: chainPem }
}
