import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import {
  isMemberOf,
  parseSpiffeId,
  spiffeIdFromSegments,
  parseTrustDomain,
  pathOf,
  SpiffeError,
  trustDomainId,
  trustDomainOf,
} from '../../../workload-api/index.js'
import { repositoryRoot } from '../../repository-root.js'

interface Vectors {
  valid: { id: string; trustDomain: string; path: string }[]
  invalid: { id: string; why: string }[]
  limits: { trustDomainLength: number; idLength: number; valid: boolean }[]
}
// The vectors are not copied beside the compiled code.
const vectors: Vectors = JSON.parse(readFileSync(join(repositoryRoot, 'test', 'vectors', 'spiffe-id.json'), 'utf8'))

const invalidId = { name: 'SpiffeError', code: 'ERR_SPIFFE_ID_INVALID' }
const lower = 'abcdefghijklmnopqrstuvwxyz0123456789._-'
const any = `${lower}ABCDEFGHIJKLMNOPQRSTUVWXYZ`

function parses(text: string): boolean {
  try {
    parseSpiffeId(text)
    return true
  } catch (error) {
    assert.ok(error instanceof SpiffeError)
    return false
  }
}

describe('a SPIFFE ID', () => {
  for (const { id, trustDomain, path } of vectors.valid) {
    test(`${id} is valid`, () => {
      const parsed = parseSpiffeId(id)
      assert.equal(parsed, id)
      assert.equal(trustDomainOf(parsed), trustDomain)
      assert.equal(pathOf(parsed), path)
    })
  }

  for (const { id, why } of vectors.invalid) {
    test(`is refused: ${why}`, () => assert.throws(() => parseSpiffeId(id), invalidId))
  }

  for (const { trustDomainLength, idLength, valid } of vectors.limits) {
    test(`of ${idLength} bytes with ${trustDomainLength} of trust domain is ${valid ? 'valid' : 'refused'}`, () => {
      const host = `spiffe://${'t'.repeat(trustDomainLength)}/`
      assert.equal(parses(host.padEnd(idLength, 'p')), valid)
    })
  }

  test('has only the characters of the standard, of all 256 byte values, at each place of the trust domain', () => {
    for (let byte = 0; byte < 256; byte++) {
      const character = String.fromCharCode(byte)
      // A slash ends the trust domain, so it is judged by what is left of it.
      const expected = lower.includes(character)
      if (character !== '/') {
        assert.equal(parses(`spiffe://${character}td/x`), expected, `first, ${byte}`)
        assert.equal(parses(`spiffe://t${character}d`), expected, `middle, ${byte}`)
        assert.equal(parses(`spiffe://td${character}`), expected, `last, ${byte}`)
      }
    }
  })

  test('has only the characters of the standard, of all 256 byte values, at each place of the path', () => {
    for (let byte = 0; byte < 256; byte++) {
      const character = String.fromCharCode(byte)
      const expected = any.includes(character)
      assert.equal(parses(`spiffe://td/${character}x`), expected, `first, ${byte}`)
      assert.equal(parses(`spiffe://td/x${character}y`), expected || character === '/', `middle, ${byte}`)
      assert.equal(parses(`spiffe://td/x${character}`), expected, `last, ${byte}`)
    }
  })

  test('that is refused is not repeated in the message', () => {
    assert.throws(
      () => parseSpiffeId('spiffe://td/\u001b[31mred\nline'),
      (error: Error) => /^[\x20-\x7e]*$/.test(error.message) && !error.message.includes('red'),
    )
  })

  test('that is no string is a mistake of the caller', () => {
    assert.throws(() => Reflect.apply(parseSpiffeId, undefined, [undefined]), TypeError)
  })

  test('is a member of exactly its own trust domain', () => {
    const id = parseSpiffeId('spiffe://example.org/a')
    assert.ok(isMemberOf(id, parseTrustDomain('example.org')))
    assert.ok(!isMemberOf(id, parseTrustDomain('sub.example.org')))
    assert.ok(!isMemberOf(id, parseTrustDomain('example.orga')))
    assert.ok(!isMemberOf(id, parseTrustDomain('org')))
  })

  test('compares by value and is a key of maps', () => {
    const held = new Map([[parseSpiffeId('spiffe://td/a'), 1]])
    assert.equal(held.get(parseSpiffeId(['spiffe://td', 'a'].join('/'))), 1)
  })
})

describe('a trust domain', () => {
  test('has only the characters of the standard, of all 256 byte values', () => {
    for (let byte = 0; byte < 256; byte++) {
      const name = `t${String.fromCharCode(byte)}d`
      if (lower.includes(String.fromCharCode(byte))) assert.equal(parseTrustDomain(name), name)
      else assert.throws(() => parseTrustDomain(name), { name: 'SpiffeError', code: 'ERR_TRUST_DOMAIN_INVALID' })
    }
  })

  test('is not empty, not an ID, and at most 255 bytes', () => {
    for (const name of ['', 'spiffe://td', 'a'.repeat(256)]) {
      assert.throws(() => parseTrustDomain(name), { code: 'ERR_TRUST_DOMAIN_INVALID' })
    }
    assert.equal(parseTrustDomain('a'.repeat(255)).length, 255)
  })

  test('has an ID without a path', () => {
    const trustDomain = parseTrustDomain('example.org')
    assert.equal(trustDomainId(trustDomain), 'spiffe://example.org')
    assert.equal(trustDomainOf(trustDomainId(trustDomain)), trustDomain)
  })

  test('makes IDs of segments, each of which stays one', () => {
    const trustDomain = parseTrustDomain('example.org')
    assert.equal(spiffeIdFromSegments(trustDomain, 'a', 'b'), 'spiffe://example.org/a/b')
    assert.equal(spiffeIdFromSegments(trustDomain), 'spiffe://example.org')
    for (const segment of ['', '.', '..', 'a/b', '/', '%2e', 'ü']) {
      assert.throws(() => spiffeIdFromSegments(trustDomain, segment), { code: 'ERR_SPIFFE_ID_INVALID' })
    }
  })
})
