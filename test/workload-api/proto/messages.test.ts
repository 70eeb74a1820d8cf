import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadSync, type MethodDefinition } from '@grpc/proto-loader'
import { decodeX509SvidResponse, type X509SvidResponse } from '../../../workload-api/proto/messages.js'
import { workloadApiService } from '../../../workload-api/proto/workload-service.js'
import { repositoryRoot } from '../../repository-root.js'

const file = join(repositoryRoot, 'workload-api', 'proto', 'workload.proto')
const loaded = { ...loadSync(file, { defaults: true })['SpiffeWorkloadAPI'] } as Record<
  string,
  MethodDefinition<object, object>
>

const filled: X509SvidResponse = {
  svids: ['a', 'b'].map((name) => ({
    spiffeId: `spiffe://example.org/${name}/ü`,
    x509Svid: Buffer.from(`chain of ${name}`),
    x509SvidKey: Buffer.alloc(300, name),
    bundle: Buffer.from(`bundle of ${name}`),
    hint: name,
  })),
  crl: [Buffer.from('one'), Buffer.from('two')],
  federatedBundles: { 'spiffe://partner.org': Buffer.from('theirs'), __proto__nearly: Buffer.alloc(0) },
}

test('the service has the methods, paths and streams of workload.proto', () => {
  assert.deepEqual(Object.keys(workloadApiService), Object.keys(loaded))
  for (const [name, { path, requestStream, responseStream }] of Object.entries(workloadApiService)) {
    const expected = loaded[name]
    assert.deepEqual(
      [path, requestStream, responseStream],
      [expected?.path, expected?.requestStream, expected?.responseStream],
    )
  }
})

const answers = {
  FetchX509SVID: [filled, { svids: [], crl: [], federatedBundles: {} }],
  FetchX509Bundles: [
    { crl: filled.crl, bundles: filled.federatedBundles },
    { crl: [], bundles: {} },
  ],
} as const

for (const name of ['FetchX509SVID', 'FetchX509Bundles'] as const) {
  const ours = workloadApiService[name] as MethodDefinition<object, object>
  const theirs = loaded[name]!

  test(`the answers of ${name} are read as workload.proto says`, () => {
    for (const answer of answers[name]) {
      assert.deepEqual(ours.responseDeserialize(theirs.responseSerialize(answer)), answer)
    }
  })

  test(`the answers of ${name} are written as workload.proto says`, () => {
    for (const answer of answers[name]) {
      assert.deepEqual(theirs.responseDeserialize(ours.responseSerialize(answer)), answer)
    }
  })
}

const jwtAnswers = {
  FetchJWTSVID: [{ svids: [{ spiffeId: 'spiffe://example.org/ü', svid: 'a.b.c', hint: 'h' }] }, { svids: [] }],
  FetchJWTBundles: [{ bundles: { 'spiffe://example.org': Buffer.from('{"keys":[]}') } }, { bundles: {} }],
} as const

for (const name of ['FetchJWTSVID', 'FetchJWTBundles'] as const) {
  const ours = workloadApiService[name] as MethodDefinition<object, object>
  const theirs = loaded[name]!

  test(`the answers of ${name} are read and written as workload.proto says`, () => {
    for (const answer of jwtAnswers[name]) {
      assert.deepEqual(ours.responseDeserialize(theirs.responseSerialize(answer)), answer)
      assert.deepEqual(theirs.responseDeserialize(ours.responseSerialize(answer)), answer)
    }
  })
}

test('the requests with a content are read and written as workload.proto says', () => {
  for (const [name, request] of [
    ['FetchJWTSVID', { audience: ['a', 'ü'], spiffeId: 'spiffe://example.org/a' }],
    ['ValidateJWTSVID', { audience: 'a', svid: 'a.b.c' }],
  ] as const) {
    const ours = workloadApiService[name] as MethodDefinition<object, object>
    const theirs = loaded[name]!
    assert.deepEqual(ours.requestDeserialize(theirs.requestSerialize(request)), request)
    assert.deepEqual(theirs.requestDeserialize(ours.requestSerialize(request)), request)
  }
})

/** The claims of the other test as protobuf's own library wants a Struct. */
const number = (numberValue: number): object => ({ numberValue })
const struct = {
  fields: {
    aud: { listValue: { values: [{ stringValue: 'x' }, { boolValue: true }, { nullValue: 0 }] } },
    exp: number(1.5e9),
    deep: { structValue: { fields: { a: number(-0.5) } } },
  },
}

test('claims are read and written as google.protobuf.Struct says', () => {
  const ours = workloadApiService.ValidateJWTSVID
  const theirs = loaded['ValidateJWTSVID']!
  const claims = { aud: ['x', true, null], exp: 1.5e9, deep: { a: -0.5 } }
  const spiffeId = 'spiffe://example.org/a'
  assert.deepEqual(ours.responseDeserialize(theirs.responseSerialize({ spiffeId, claims: struct })), {
    spiffeId,
    claims,
  })
  const read = theirs.responseDeserialize(ours.responseSerialize({ spiffeId, claims })) as { claims: typeof struct }
  assert.deepEqual(ours.responseDeserialize(theirs.responseSerialize({ spiffeId, claims: read.claims })).claims, claims)
  assert.deepEqual(Object.keys(read.claims.fields), ['aud', 'exp', 'deep'])
})

test('claims nested deeper than any honest ones are refused in either direction', () => {
  const { responseSerialize, responseDeserialize } = workloadApiService.ValidateJWTSVID
  let claims: object = {}
  for (let depth = 0; depth < 100; depth++) claims = { claims }
  assert.throws(() => responseSerialize({ spiffeId: '', claims: { claims } }), RangeError)
  let bytes: Buffer = Buffer.alloc(0)
  const nest = (inner: Buffer, tag: number): Buffer => Buffer.concat([varint(tag), varint(inner.length), inner])
  for (let depth = 0; depth < 10_000; depth++) bytes = nest(nest(nest(bytes, 0x2a), 0x12), 0x0a)
  assert.throws(() => responseDeserialize(nest(bytes, 0x12)), RangeError)
})

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) + 128)
  }
}

test('fields that are unknown, and known numbers with another kind of value, are skipped', () => {
  const unknown = Buffer.from([0x78, 0x01, 0x7b, 0x08, 0x01, 0x7c, 0x08, 0x01])
  const bytes = Buffer.concat([unknown, loaded['FetchX509SVID']!.responseSerialize(filled), unknown])
  assert.deepEqual(decodeX509SvidResponse(bytes), filled)
})

test('every message that is cut short, and groups without end or depth, are refused', () => {
  const whole = loaded['FetchX509SVID']!.responseSerialize({ svids: filled.svids.slice(0, 1) })
  for (let length = 1; length < whole.length; length += 1) {
    assert.throws(() => decodeX509SvidResponse(whole.subarray(0, length)), RangeError)
  }
  assert.throws(() => decodeX509SvidResponse(Buffer.alloc(1_000_000, 0x7b)), Error)
})

test('a map entry named like a property of objects is an entry', () => {
  const entry = Buffer.from('\u001a\u000e\u000a\u0009__proto__\u0012\u0001x', 'latin1')
  const { federatedBundles } = decodeX509SvidResponse(entry)
  assert.deepEqual(Object.keys(federatedBundles), ['__proto__'])
})
