import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AuthorityError } from '../../../sidecar/authority/index.js'
import { RequestLimiter } from '../../../sidecar/authority/request-limiter.js'

function isBusy(error: unknown): boolean {
  return error instanceof AuthorityError && error.code === 'ERR_AUTHORITY_BUSY'
}

function drain(limiter: RequestLimiter, uid: number, now: number): number {
  let taken = 0
  try {
    for (;;) {
      limiter.take(uid, now)
      taken += 1
    }
  } catch (error) {
    assert.ok(isBusy(error))
    return taken
  }
}

test('a uid may ask 2,000 times at once and 100 times a second in the long run', () => {
  const limiter = new RequestLimiter()
  assert.equal(drain(limiter, 1000, 0), 2000)
  assert.equal(drain(limiter, 1000, 1000), 100)
  assert.equal(drain(limiter, 1000, 3_600_000), 2000)
})

test('one uid that asks without pause leaves the others what is theirs', () => {
  const limiter = new RequestLimiter()
  drain(limiter, 1000, 0)
  limiter.take(1001, 0)
})

test('a clock that goes back gives nothing and takes nothing', () => {
  const limiter = new RequestLimiter()
  drain(limiter, 1000, 10_000)
  assert.throws(() => limiter.take(1000, 0), isBusy)
  assert.equal(drain(limiter, 1000, 1000), 100)
})
