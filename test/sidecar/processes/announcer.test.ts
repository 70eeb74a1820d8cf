import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { HookConfig } from '../../../sidecar/config/output-model.js'
import { Announcer } from '../../../sidecar/processes/announcer.js'
import { runHooks } from '../../../sidecar/processes/hooks.js'
import { outputConfig, silentLog } from '../outputs/output-fixture.js'
import { gone, Recorder } from './recorder.js'

function hook(command: string, changes: Partial<HookConfig> = {}): HookConfig {
  return { command: [command], timeoutMs: 10_000, retries: 0, ...changes }
}

function announcer(t: TestContext, hooks: readonly HookConfig[]) {
  const told: number[] = []
  const created = new Announcer(outputConfig('/certs', { onUpdate: hooks }), silentLog, () => told.push(Date.now()))
  t.after(() => created.close())
  return { created, told }
}

const running = { log: silentLog, env: process.env, signal: new AbortController().signal, retryPauseMs: 1 }

test('hooks run in their order, each after the end of the one before, and know the output', async (t) => {
  const recorder = new Recorder(t)
  const first = recorder.program('first', 'sleep 0.1; echo "first $SVIDECAR_OUTPUT" >> $OUT/order')
  const second = recorder.program('second', 'echo "second $SVIDECAR_OUTPUT_DIR" >> $OUT/order')
  const { created } = announcer(t, [hook(first), hook(second)])
  created.announce()
  assert.deepEqual(await recorder.lines('order', 2), ['first files', 'second /certs'])
})

test('others are told after the hooks, even when a hook failed', async (t) => {
  const recorder = new Recorder(t)
  const { created, told } = announcer(t, [hook(recorder.program('h', 'echo >> $OUT/runs; exit 1'))])
  created.announce()
  await recorder.lines('runs', 1)
  while (told.length === 0) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(created.status().hooksFailed, 1)
  assert.match(created.status().problem ?? '', /hook ".*": exit status 1/)
})

test('changes that come while hooks run are told of once, after it', async (t) => {
  const recorder = new Recorder(t)
  const { created, told } = announcer(t, [hook(recorder.program('h', 'echo >> $OUT/runs; sleep 0.1'))])
  created.announce()
  await recorder.lines('runs', 1)
  for (let round = 0; round < 5; round += 1) created.announce()
  while (told.length < 2) await new Promise((resolve) => setImmediate(resolve))
  await created.close()
  assert.deepEqual([told.length, created.status().hooksRun], [2, 2])
})

test('a hook that fails is run again as often as it says, and then those after it are not run', async (t) => {
  const recorder = new Recorder(t)
  const failing = recorder.program('failing', 'echo >> $OUT/attempts; exit 7')
  const later = recorder.program('later', 'echo >> $OUT/ran-later')
  const problem = await runHooks([hook(failing, { retries: 2 }), hook(later)], running)
  assert.match(problem ?? '', /exit status 7/)
  assert.equal(recorder.text('attempts').length, 3)
  assert.equal(recorder.text('ran-later'), '')
})

test('a hook that succeeds at a later attempt is no failure', async (t) => {
  const recorder = new Recorder(t)
  const path = recorder.program('h', 'echo >> $OUT/attempts; test $(wc -l < $OUT/attempts) -ge 2')
  assert.equal(await runHooks([hook(path, { retries: 3 })], running), undefined)
  assert.equal(recorder.text('attempts').length, 2)
})

test('a hook that does not end in time is killed with what it started', async (t) => {
  const recorder = new Recorder(t)
  const path = recorder.program('h', 'trap "" TERM\nsleep 60 & echo $! >> $OUT/pids; wait; while :; do sleep 1; done')
  const problem = await runHooks([hook(path, { timeoutMs: 300 })], running)
  assert.match(problem ?? '', /did not end within 300 ms/)
  await gone(Number((await recorder.lines('pids', 1))[0]))
})
