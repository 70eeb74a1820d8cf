import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readPem, writePem } from '../../../workload-api/encoding/pem.js'

const der = Uint8Array.from(Array.from({ length: 100 }, (_, index) => index))
const block = writePem('CERTIFICATE', der)

describe('PEM', () => {
  test('is read back as it was written, several blocks and text between them', () => {
    const text = `subject=x\n${block}\nissuer=y\n${block.replaceAll('\n', '\r\n')}${writePem('PRIVATE KEY', der)}`
    assert.deepEqual(readPem(text), [
      { label: 'CERTIFICATE', der },
      { label: 'CERTIFICATE', der },
      { label: 'PRIVATE KEY', der },
    ])
  })

  test('has lines of 64 characters', () => {
    assert.deepEqual(
      [
        ...new Set(
          block
            .split('\n')
            .slice(1, 3)
            .map((line) => line.length),
        ),
      ],
      [64],
    )
  })

  test('of no block has none', () => assert.deepEqual(readPem('no block here'), []))

  for (const [why, text] of [
    ['has no end', block.replace('-----END CERTIFICATE-----', '')],
    ['ends as another', block.replace('END CERTIFICATE', 'END PRIVATE KEY')],
    ['begins inside another', `${block.slice(0, 60)}\n${block}`],
    ['has a header', block.replace('-----\n', '-----\nProc-Type: 4,ENCRYPTED\n\n')],
    ['has a character that is not base64', block.replace('AAEC', 'AA*C')],
    ['has URL base64', block.replace('AAEC', 'AA_C')],
    ['lost a character', block.replace('AAEC', 'AAE')],
    ['is empty', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n'],
  ] as const) {
    test(`is refused when a block ${why}`, () => assert.equal(readPem(text), undefined))
  }
})
