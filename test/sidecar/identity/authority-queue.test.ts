import assert from 'node:assert/strict'
import { test } from 'node:test'
import { takeTurn } from '../../../sidecar/identity/authority-queue.js'

const never = new AbortController().signal

/** Takes every place there is; a turn that is not given at once is found by looking after a round of promises. */
async function fill(target: string): Promise<(() => void)[]> {
  const turns: (() => void)[] = []
  for (;;) {
    const ahead = new AbortController()
    const turn = takeTurn(target, ahead.signal).catch(() => undefined)
    const taken = await Promise.race([turn, new Promise((resolve) => setImmediate(resolve, undefined))])
    if (taken === undefined) {
      ahead.abort()
      await turn
      return turns
    }
    turns.push(taken as () => void)
  }
}

test('a bounded number asks one authority at once, and another authority is not kept waiting', async () => {
  const turns = await fill('unix:/one')
  assert.equal(turns.length, 32)
  const other = await takeTurn('unix:/other', never)
  other()
  for (const done of turns) done()
})

test('turns are given in the order of asking, one for each that is done', async () => {
  const turns = await fill('unix:/order')
  const given: number[] = []
  const waiting = [1, 2, 3].map((number) =>
    takeTurn('unix:/order', never).then((done) => {
      given.push(number)
      return done
    }),
  )
  turns[0]?.()
  // Called twice, it gives nothing twice.
  turns[0]?.()
  await waiting[0]
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(given, [1])
  for (const done of turns) done()
  for (const done of await Promise.all(waiting)) done()
  assert.deepEqual(given, [1, 2, 3])
})

test('who gives up waiting takes no place', async () => {
  const turns = await fill('unix:/patience')
  const impatient = new AbortController()
  const reason = new Error('stopped')
  const waiting = takeTurn('unix:/patience', impatient.signal)
  impatient.abort(reason)
  await assert.rejects(waiting, reason)
  await assert.rejects(takeTurn('unix:/patience', impatient.signal), reason)
  for (const done of turns) done()
  assert.equal((await fill('unix:/patience')).length, 32)
})
