/** What a broken or hostile agent may send: each message is discarded whole, the last good one stays. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeCa, generateKey } from '../../fakes/fake-ca.js'
import { fakeSvid, FakeWorkloadApi, type FakeAnswer } from '../../fakes/fake-workload-api.js'
import { SocketFolder, Watching } from './watching.js'

const ca = FakeCa.create('example.org')
const other = FakeCa.create('other.org')
const impostor = FakeCa.create('example.org')
const minutes = (count: number): Date => new Date(Date.now() + count * 60_000)
const good = () => fakeSvid(ca, ca.issue('/a'), '/a')
const empty = new Uint8Array()

const certificate = ca.issue('/a').certificate
const truncated = certificate.subarray(0, -1)
const longForm = Buffer.concat([Buffer.from([0x30, 0x83, 0x00]), certificate.subarray(2)])
const indefinite = Buffer.concat([Buffer.from([0x30, 0x80]), certificate.subarray(4), Buffer.from([0, 0])])
const otherKey = generateKey().export({ format: 'der', type: 'pkcs8' })
const sec1 = generateKey().export({ format: 'der', type: 'sec1' })
const sealed = generateKey().export({ format: 'der', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' })

const hostile: readonly (readonly [why: string, answer: FakeAnswer, code: string])[] = [
  ['has no SVID', { svids: [] }, 'ERR_WORKLOAD_API_RESPONSE_INVALID'],
  ...(['spiffeId', 'x509Svid', 'x509SvidKey', 'bundle'] as const).map(
    (field) =>
      [
        `has an SVID without ${field}`,
        { svids: [{ ...good(), [field]: field === 'spiffeId' ? '' : empty }] },
        'ERR_WORKLOAD_API_RESPONSE_INVALID',
      ] as const,
  ),
  [
    'has a bad SVID beside a good one',
    { svids: [good(), { ...good(), bundle: empty }] },
    'ERR_WORKLOAD_API_RESPONSE_INVALID',
  ],
  [
    'has garbage for the chain',
    { svids: [{ ...good(), x509Svid: Buffer.from('garbage') }] },
    'ERR_X509_SVID_MALFORMED',
  ],
  ['has a truncated chain', { svids: [{ ...good(), x509Svid: truncated }] }, 'ERR_X509_SVID_MALFORMED'],
  [
    'has a chain with a byte left over',
    { svids: [{ ...good(), x509Svid: Buffer.concat([certificate, Buffer.from([0])]) }] },
    'ERR_X509_SVID_MALFORMED',
  ],
  [
    'has a length in more octets than needed',
    { svids: [{ ...good(), x509Svid: longForm }] },
    'ERR_X509_SVID_MALFORMED',
  ],
  ['has BER of indefinite length', { svids: [{ ...good(), x509Svid: indefinite }] }, 'ERR_X509_SVID_MALFORMED'],
  [
    'has a PEM chain',
    { svids: [{ ...good(), x509Svid: Buffer.from(ca.issue('/a').chainPem) }] },
    'ERR_X509_SVID_MALFORMED',
  ],
  [
    'has a chain of 33 certificates',
    { svids: [{ ...good(), x509Svid: Buffer.concat(Array.from({ length: 33 }, () => certificate)) }] },
    'ERR_X509_SVID_MALFORMED',
  ],
  [
    'has garbage for the key',
    { svids: [{ ...good(), x509SvidKey: Buffer.from('garbage') }] },
    'ERR_X509_SVID_KEY_INVALID',
  ],
  [
    'has a key with a byte left over',
    { svids: [{ ...good(), x509SvidKey: Buffer.concat([otherKey, Buffer.from([0])]) }] },
    'ERR_X509_SVID_KEY_INVALID',
  ],
  ['has a SEC 1 key', { svids: [{ ...good(), x509SvidKey: sec1 }] }, 'ERR_X509_SVID_KEY_INVALID'],
  ['has an encrypted key', { svids: [{ ...good(), x509SvidKey: sealed }] }, 'ERR_X509_SVID_KEY_INVALID'],
  [
    'has a key that does not fit the leaf',
    { svids: [{ ...good(), x509SvidKey: otherKey }] },
    'ERR_X509_SVID_KEY_MISMATCH',
  ],
  [
    'names another ID than the certificate',
    { svids: [fakeSvid(ca, ca.issue('/b'), '/a')] },
    'ERR_X509_SVID_ID_MISMATCH',
  ],
  ['names no valid ID', { svids: [{ ...good(), spiffeId: 'spiffe://EXAMPLE.org/a' }] }, 'ERR_SPIFFE_ID_INVALID'],
  [
    'has a CA for the leaf',
    { svids: [fakeSvid(ca, ca.issue('/a', { isAuthority: true }), '/a')] },
    'ERR_X509_SVID_INVALID',
  ],
  [
    'has an expired SVID',
    { svids: [fakeSvid(ca, ca.issue('/a', { notBefore: minutes(-9), notAfter: minutes(-1) }), '/a')] },
    'ERR_X509_SVID_EXPIRED',
  ],
  [
    'has an SVID that is not yet valid',
    { svids: [fakeSvid(ca, ca.issue('/a', { notBefore: minutes(1) }), '/a')] },
    'ERR_X509_SVID_NOT_YET_VALID',
  ],
  [
    'has a chain that does not lead to its bundle',
    { svids: [fakeSvid(ca, impostor.issue('/a'), '/a')] },
    'ERR_X509_SVID_UNTRUSTED',
  ],
  ['has garbage for the bundle', { svids: [{ ...good(), bundle: Buffer.from('garbage') }] }, 'ERR_X509_BUNDLE_INVALID'],
  [
    'has two different bundles of one trust domain',
    { svids: [good(), fakeSvid(impostor, impostor.issue('/b'), '/b')] },
    'ERR_WORKLOAD_API_RESPONSE_INVALID',
  ],
  [
    'has a federated bundle for its own trust domain',
    { svids: [good()], federatedBundles: { 'spiffe://example.org': impostor.certificate } },
    'ERR_WORKLOAD_API_RESPONSE_INVALID',
  ],
  [
    'has a garbage federated bundle',
    { svids: [good()], federatedBundles: { 'spiffe://other.org': Buffer.from('garbage') } },
    'ERR_X509_BUNDLE_INVALID',
  ],
  [
    'names a federated bundle by a bare name',
    { svids: [good()], federatedBundles: { 'other.org': other.certificate } },
    'ERR_SPIFFE_ID_INVALID',
  ],
  [
    'names a federated bundle by a workload',
    { svids: [good()], federatedBundles: { 'spiffe://other.org/a': other.certificate } },
    'ERR_WORKLOAD_API_RESPONSE_INVALID',
  ],
  [
    'names a federated bundle as a property of objects',
    { svids: [good()], federatedBundles: { constructor: other.certificate } },
    'ERR_SPIFFE_ID_INVALID',
  ],
]

for (const [why, answer, code] of hostile) {
  test(`a message that ${why} is discarded; the context, the stream and the next message stay`, async () => {
    await using folder = await SocketFolder.make()
    await using api = await FakeWorkloadApi.start(folder.socket, { svids: [good()] })
    await using watching = new Watching(folder.socket, { initialMs: 60_000, maxMs: 60_000 })
    await watching.untilContexts(1)
    api.say(answer)
    await watching.untilState((state) => state.kind === 'streaming' && state.fault !== undefined)
    assert.deepEqual(watching.faults, [code])
    assert.equal(watching.contexts.length, 1)
    api.say({ svids: [good()] })
    await watching.untilContexts(2)
    assert.equal(api.calls.length, 1)
    assert.deepEqual(watching.states.at(-1), { kind: 'streaming' })
  })
}

test('what was discarded is asked for again after a pause', async () => {
  await using folder = await SocketFolder.make()
  await using api = await FakeWorkloadApi.start(folder.socket, { svids: [] })
  await using watching = new Watching(folder.socket)
  await api.untilCalls(4)
  assert.deepEqual(new Set(watching.faults), new Set(['ERR_WORKLOAD_API_RESPONSE_INVALID']))
  api.sayToTheNext({ svids: [good()] })
  await watching.untilContexts(1)
})

test('bytes that are no protobuf end the stream, and it is opened again', async () => {
  await using folder = await SocketFolder.make()
  await using api = await FakeWorkloadApi.start(folder.socket, { raw: Buffer.from([0xff, 0xff, 0xff]) })
  await using watching = new Watching(folder.socket)
  await watching.untilState(({ kind }) => kind === 'waiting')
  assert.equal(watching.faults[0], 'ERR_WORKLOAD_API_UNAVAILABLE')
  api.sayToTheNext({ svids: [good()] })
  await watching.untilContexts(1)
})

test('the text of a discarded message is in no error', async () => {
  await using folder = await SocketFolder.make()
  await using _api = await FakeWorkloadApi.start(folder.socket, {
    svids: [{ ...good(), spiffeId: 'spiffe://\u001b[31mred' }],
  })
  await using watching = new Watching(folder.socket)
  const state = await watching.untilState((state) => state.kind === 'streaming')
  assert.ok(
    state.kind === 'streaming' && /^[ -~]+$/.test(state.fault!.message) && !state.fault!.message.includes('red'),
  )
})
