import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Alarm } from '../../../sidecar/clock/alarm.js'

test('an alarm for a moment that is past resolves at once', async () => {
  await new Alarm().until(Date.now() - 1)
})

test('an alarm does not resolve before its moment', async () => {
  const moment = Date.now() + 50
  await new Alarm().until(moment)
  assert.ok(Date.now() >= moment)
})

test('a wake ends the wait', async () => {
  const alarm = new Alarm()
  const waiting = alarm.until(Number.POSITIVE_INFINITY)
  alarm.wake()
  await waiting
})

test('a wake between two waits ends the next one, and only that one', async () => {
  const alarm = new Alarm()
  alarm.wake()
  alarm.wake()
  await alarm.until(Number.POSITIVE_INFINITY)
  const moment = Date.now() + 30
  await alarm.until(moment)
  assert.ok(Date.now() >= moment)
})
