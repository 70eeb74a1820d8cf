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
