import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DerReader } from '../../../parsec-core/x509/der-reader.js'
import { derInteger, derObjectIdentifier, derOctetString, derTime } from '../../../parsec-core/x509/der-writer.js'
import { hasStatus } from '../../contract/provider.js'

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

test('integers are written in the shortest form and never negative', () => {
  assert.equal(hex(derInteger(Buffer.of(0))), '020100')
  assert.equal(hex(derInteger(Buffer.of(0, 0, 0x7f))), '02017f')
  assert.equal(hex(derInteger(Buffer.of(0x80))), '02020080')
})

test('object identifiers are written as X.690 8.19 has them', () => {
  assert.equal(hex(derObjectIdentifier('1.2.840.113549.1.1.11')), '06092a864886f70d01010b')
  assert.equal(hex(derObjectIdentifier('2.5.29.17')), '0603551d11')
})

test('times are UTCTime until 2049 and GeneralizedTime from 2050 on', () => {
  assert.equal(derTime(new Date('2049-12-31T23:59:59.999Z')).subarray(2).toString(), '491231235959Z')
  assert.equal(derTime(new Date('2050-01-01T00:00:00Z')).subarray(2).toString(), '20500101000000Z')
})

test('lengths of every size are read as they were written', () => {
  for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536]) {
    const reader = new DerReader(derOctetString(Buffer.alloc(length, 1)))
    assert.equal(reader.read(0x04).contents.length, length)
    reader.end()
  }
})

for (const [what, bytes] of [
  ['an indefinite length', '30800000'],
  ['a length not in its shortest form', '04810101'],
  ['a length with a leading zero', '0482000101'],
  ['a length of four bytes', '048401000000'],
  ['an element longer than its input', '0402ff'],
  ['a tag of more than one byte', '1f8101'],
  ['no bytes at all', ''],
] as const) {
  test(`${what} is refused`, () => {
    const reader = new DerReader(Buffer.from(bytes, 'hex'))
    assert.throws(() => reader.readAny(), hasStatus('PsaErrorInvalidArgument'))
  })
}

test('bytes after the end are refused', () => {
  const reader = new DerReader(Buffer.from('040000', 'hex'))
  reader.read(0x04)
  assert.throws(() => reader.end(), hasStatus('PsaErrorInvalidArgument'))
})
