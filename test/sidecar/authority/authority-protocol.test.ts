import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadSync, type MethodDefinition } from '@grpc/proto-loader'
import { signX509SvidMethod } from '../../../sidecar/authority/authority-protocol.js'
import { repositoryRoot } from '../../repository-root.js'

const file = join(repositoryRoot, 'sidecar', 'authority', 'proto', 'authority.proto')
const service = { ...loadSync(file, { defaults: true })['svidecar.authority.v1.Authority'] } as Record<
  string,
  MethodDefinition<object, object>
>
const theirs = service['SignX509Svid']!
const ours = signX509SvidMethod as unknown as MethodDefinition<object, object>

const requests = [
  { spiffeId: 'spiffe://lab.test/ü', csr: Buffer.alloc(300, 7) },
  { spiffeId: '', csr: Buffer.alloc(0) },
]
const authorities = { x509Authorities: [Buffer.from('old'), Buffer.from('new')] }
const responses = [
  { chain: [Buffer.from('leaf'), Buffer.from('ca')], bundles: { 'lab.test': authorities }, hint: 'hint' },
  { chain: [], bundles: { 'lab.test': { x509Authorities: [] } }, hint: '' },
  { chain: [], bundles: {}, hint: '' },
]

test('the method is the only one of authority.proto', () => {
  assert.deepEqual(Object.keys(service), ['SignX509Svid'])
  assert.deepEqual(
    [ours.path, ours.requestStream, ours.responseStream],
    [theirs.path, theirs.requestStream, theirs.responseStream],
  )
})

test('requests are read and written as authority.proto says', () => {
  for (const request of requests) {
    assert.deepEqual(ours.requestDeserialize(theirs.requestSerialize(request)), request)
    assert.deepEqual(theirs.requestDeserialize(ours.requestSerialize(request)), request)
  }
})

test('answers are read and written as authority.proto says', () => {
  for (const response of responses) {
    assert.deepEqual(ours.responseDeserialize(theirs.responseSerialize(response)), response)
    assert.deepEqual(theirs.responseDeserialize(ours.responseSerialize(response)), response)
  }
})
