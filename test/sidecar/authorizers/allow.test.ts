import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authorizeAllow, parsePattern, PatternError } from '../../../sidecar/authorizers/index.js'
import type { AllowConfig } from '../../../sidecar/config/index.js'
import { parseSpiffeId, SpiffeError } from '../../../workload-api/index.js'

function allows(allow: Partial<Omit<Extract<AllowConfig, { any: false }>, 'any'>>): (id: string) => boolean {
  const authorize = authorizeAllow({ any: false, ids: [], patterns: [], trustDomains: [], ...allow })
  return (id) => authorize(parseSpiffeId(id), []).allowed
}

test('an ID on the list is allowed, one beside it, above it or below it is not', () => {
  const allowed = allows({ ids: ['spiffe://td/edge/a', 'spiffe://td/edge/b'] })
  assert.ok(allowed('spiffe://td/edge/a') && allowed('spiffe://td/edge/b'))
  for (const id of [
    'spiffe://td/edge',
    'spiffe://td/edge/a/x',
    'spiffe://td/edge/A',
    'spiffe://other/edge/a',
    'spiffe://td/edge/aa',
  ]) {
    assert.equal(allowed(id), false, id)
  }
})

test('every ID of an allowed trust domain is allowed, none of its subdomains', () => {
  const allowed = allows({ trustDomains: ['example.org'] })
  assert.ok(allowed('spiffe://example.org/a') && allowed('spiffe://example.org/b/c'))
  assert.equal(allowed('spiffe://sub.example.org/a'), false)
  assert.equal(allowed('spiffe://example.org.evil/a'), false)
})

const patterns: readonly (readonly [pattern: string, matching: readonly string[], others: readonly string[]])[] = [
  ['spiffe://td/a', ['/a'], ['/b', '/a/b', '/A']],
  ['spiffe://td/*', ['/a', '/b'], ['/a/b']],
  [
    'spiffe://td/edge/*/hub',
    ['/edge/1/hub', '/edge/edge/hub'],
    ['/edge/hub', '/edge/1/2/hub', '/edge/1/hub/x', '/edge/1/bus'],
  ],
  ['spiffe://td/**', ['/a', '/a/b/c'], []],
  ['spiffe://td/edge/**', ['/edge/1', '/edge/1/2'], ['/edge', '/edges/1', '/x/edge/1']],
  ['spiffe://td/*/b/**', ['/a/b/c', '/x/b/y/z'], ['/a/b', '/a/c/b', '/b/c']],
  ['spiffe://td/*/*', ['/a/b'], ['/a', '/a/b/c']],
]

for (const [pattern, matching, others] of patterns) {
  test(`the pattern ${pattern} allows exactly what it says`, () => {
    const allowed = allows({ patterns: [pattern] })
    for (const path of matching) assert.equal(allowed(`spiffe://td${path}`), true, path)
    for (const path of others) assert.equal(allowed(`spiffe://td${path}`), false, path)
    for (const path of matching) assert.equal(allowed(`spiffe://other${path}`), false, `other ${path}`)
  })
}

test('patterns that share a beginning are all tried', () => {
  const allowed = allows({ patterns: ['spiffe://td/a/x', 'spiffe://td/*/y', 'spiffe://td/a/*/z', 'spiffe://td/b/**'] })
  for (const path of ['/a/x', '/a/y', '/c/y', '/a/q/z', '/b/q']) assert.equal(allowed(`spiffe://td${path}`), true, path)
  for (const path of ['/c/x', '/a/q', '/a/q/y', '/b']) assert.equal(allowed(`spiffe://td${path}`), false, path)
})

const faulty: readonly (readonly [pattern: string, message: string])[] = [
  ['', 'the scheme is not "spiffe://"'],
  ['td/*', 'the scheme is not "spiffe://"'],
  ['SPIFFE://td/*', 'the scheme is not "spiffe://"'],
  ['spiffe://*/a', 'a pattern names its trust domain: no "*" in it'],
  ['spiffe://*.td/a', 'a pattern names its trust domain: no "*" in it'],
  ['spiffe://td', 'a pattern has a path, since every peer has one'],
  ['spiffe://td/', 'the path ends in a slash'],
  ['spiffe://td//*', 'the path has an empty segment'],
  ['spiffe://td/../*', 'the path has a "." or ".." segment'],
  ['spiffe:///*', 'the trust domain is empty'],
  ['spiffe://TD/*', 'the trust domain has the character "T" U+0054; allowed are a-z, 0-9, ".", "-" and "_"'],
  ['spiffe://td/a*', '"*" and "**" stand for whole segments, not for a part of one'],
  ['spiffe://td/***', '"*" and "**" stand for whole segments, not for a part of one'],
  ['spiffe://td/**/a', '"**" can only be the last segment'],
  ['spiffe://td/[a-z]', 'the path has the character "[" U+005B; allowed are A-Z, a-z, 0-9, ".", "-" and "_"'],
  ['spiffe://td/a?', 'the path has the character "?" U+003F; allowed are A-Z, a-z, 0-9, ".", "-" and "_"'],
]

for (const [pattern, message] of faulty) {
  test(`"${pattern}" is no pattern`, () => {
    assert.throws(
      () => parsePattern(pattern),
      (error) => error instanceof PatternError && error.code === 'ERR_PATTERN_INVALID' && error.message === message,
    )
  })
}

test('lists that are empty allow nobody', () => {
  assert.deepEqual(
    authorizeAllow({ any: false, ids: [], patterns: [], trustDomains: [] })(parseSpiffeId('spiffe://td/a'), []),
    {
      allowed: false,
      reason: 'not on the list of whom this tunnel allows',
    },
  )
})

test('unsafe_allow_any allows every ID', () => {
  assert.equal(authorizeAllow({ any: true })(parseSpiffeId('spiffe://td/a'), []).allowed, true)
})

test('an ID, trust domain or pattern that is none never becomes an authorizer', () => {
  assert.throws(() => allows({ ids: ['spiffe://TD/a'] }), SpiffeError)
  assert.throws(() => allows({ trustDomains: ['*'] }), SpiffeError)
  assert.throws(() => allows({ patterns: ['*'] }), PatternError)
})

test('a verdict over ten thousand IDs and patterns costs no more than one over ten', () => {
  const policy = (count: number) => {
    const nodes = Array.from({ length: count }, (_, index) => `spiffe://td/edge/node-${index}`)
    return authorizeAllow({ any: false, ids: nodes, patterns: nodes.map((node) => `${node}/*/**`), trustDomains: [] })
  }
  const stranger = parseSpiffeId('spiffe://td/edge/node-x/hub/stranger')
  const cost = (count: number) => {
    const authorize = policy(count)
    const rounds = Array.from({ length: 7 }, () => {
      const start = process.hrtime.bigint()
      for (let index = 0; index < 2000; index++) authorize(stranger, [])
      return Number(process.hrtime.bigint() - start)
    })
    return Math.min(...rounds)
  }
  cost(10)
  // A walk over the list would cost a thousand times as much; a factor of ten leaves room for a busy machine.
  assert.ok(cost(10_000) < 10 * cost(10))
})

test('an ID of very many segments meets patterns of many wildcards in bounded time', () => {
  const patterns = Array.from({ length: 64 }, (_, index) => `spiffe://td/${'*/'.repeat(index)}end`)
  const allowed = allows({ patterns })
  assert.equal(allowed(`spiffe://td/${'a/'.repeat(1000)}a`), false)
  assert.equal(allowed(`spiffe://td/${'end/'.repeat(63)}end`), true)
})
