import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  authorizeAny,
  authorizeId,
  authorizeIdPrefix,
  authorizeMemberOf,
  authorizeOneOf,
  parseSpiffeId,
  parseTrustDomain,
  UnauthorizedPeerError,
} from '../../workload-api/index.js'

const a = parseSpiffeId('spiffe://td/a')
const b = parseSpiffeId('spiffe://td/b')
const stranger = parseSpiffeId('spiffe://other/a')

test('authorizeAny admits every ID', () => {
  assert.equal(authorizeAny()(stranger, []).allowed, true)
})

test('authorizeId admits that ID and no other', () => {
  const authorize = authorizeId(a)
  assert.deepEqual(authorize(a, []), { allowed: true })
  assert.deepEqual(authorize(b, []), { allowed: false, reason: 'not the one ID that is allowed' })
})

test('authorizeOneOf admits the listed IDs, and nobody when the list is empty', () => {
  const authorize = authorizeOneOf([a, b])
  assert.ok(authorize(a, []).allowed && authorize(b, []).allowed)
  assert.deepEqual(authorize(stranger, []), { allowed: false, reason: 'not one of 2 allowed IDs' })
  assert.equal(authorizeOneOf([])(a, []).allowed, false)
})

test('authorizeMemberOf admits one trust domain and not its subdomains', () => {
  const authorize = authorizeMemberOf(parseTrustDomain('td'))
  assert.ok(authorize(a, []).allowed)
  assert.deepEqual(authorize(stranger, []), { allowed: false, reason: 'not a member of trust domain "td"' })
  assert.equal(authorize(parseSpiffeId('spiffe://sub.td/a'), []).allowed, false)
})

test('authorizeIdPrefix admits an ID and those below it, not those that begin like it', () => {
  const authorize = authorizeIdPrefix(a)
  assert.ok(authorize(a, []).allowed && authorize(parseSpiffeId('spiffe://td/a/b/c'), []).allowed)
  for (const id of ['spiffe://td/ab', 'spiffe://td/b', 'spiffe://td', 'spiffe://other/a/b']) {
    assert.equal(authorize(parseSpiffeId(id), []).allowed, false)
  }
  assert.throws(() => authorizeIdPrefix(parseSpiffeId('spiffe://td')), TypeError)
})

test('an unauthorized peer is an error of its own class that carries the peer and the reason', () => {
  const error = new UnauthorizedPeerError(a, 'not on the list')
  assert.equal(error.code, 'ERR_UNAUTHORIZED_PEER')
  assert.equal(error.peer, a)
  assert.equal(error.message, 'peer "spiffe://td/a" is not authorized: not on the list')
})
