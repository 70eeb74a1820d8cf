import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { rmSync, utimesSync, writeFileSync } from 'node:fs'
import { test, type TestContext } from 'node:test'
import { readPidFile } from '../../../sidecar/processes/pid-file.js'
import { PidFileSignaller } from '../../../sidecar/processes/pid-file-signaller.js'
import { until } from '../../scenarios/running-sidecar.js'
import { silentLog } from '../outputs/output-fixture.js'
import { Recorder } from './recorder.js'

async function startListener(t: TestContext, recorder: Recorder, name: string): Promise<number> {
  const path = recorder.program(
    name,
    `trap "echo ${name} >> $OUT/signals" HUP\necho $$ >> $OUT/${name}.up\nwhile :; do sleep 0.02; done`,
  )
  const child = spawn(path, { stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  await recorder.lines(`${name}.up`, 1)
  if (child.pid === undefined) throw new TypeError('not started')
  return child.pid
}

function signaller(t: TestContext, path: string): PidFileSignaller {
  const created = new PidFileSignaller({ path, signal: 'SIGHUP', log: silentLog, firstPauseMs: 10 })
  t.after(() => created.close())
  return created
}

test('the process the file names is signalled once for each change', async (t) => {
  const recorder = new Recorder(t)
  const pid = await startListener(t, recorder, 'a')
  writeFileSync(recorder.path('pid'), `${pid}\n`)
  const pidFile = signaller(t, recorder.path('pid'))
  pidFile.notify()
  await recorder.lines('signals', 1)
  pidFile.notify()
  await recorder.lines('signals', 2)
  assert.deepEqual(pidFile.status(), {
    path: recorder.path('pid'),
    signalsTried: 2,
    signalsFailed: 0,
    problem: undefined,
  })
})

test('a file that is not there yet is waited for quietly', async (t) => {
  const recorder = new Recorder(t)
  const pidFile = signaller(t, recorder.path('pid'))
  pidFile.notify()
  const pid = await startListener(t, recorder, 'a')
  assert.equal(pidFile.status().problem, undefined)
  writeFileSync(recorder.path('pid'), String(pid))
  await recorder.lines('signals', 1)
  assert.equal(pidFile.status().signalsFailed, 0)
})

test('when the file names another process after the change, that one is signalled too', async (t) => {
  const recorder = new Recorder(t)
  const first = await startListener(t, recorder, 'a')
  const second = await startListener(t, recorder, 'b')
  writeFileSync(recorder.path('pid'), String(first))
  signaller(t, recorder.path('pid')).notify()
  await recorder.lines('signals', 1)
  writeFileSync(recorder.path('pid'), String(second))
  assert.deepEqual(await recorder.lines('signals', 2), ['a', 'b'])
})

test('pid file naming a foreign process', async (t) => {
  const recorder = new Recorder(t)
  const path = recorder.path('pid')
  const pid = await startListener(t, recorder, 'a')
  writeFileSync(path, String(pid))
  // As if the file were of an earlier process that had the same number.
  utimesSync(path, new Date(Date.now() - 60_000), new Date(Date.now() - 60_000))
  const pidFile = signaller(t, path)
  pidFile.notify()
  const problem = await until('the problem is shown', () => pidFile.status().problem)
  assert.match(problem, new RegExp(`process ${pid} started .*, after the file was written .*: it is another one`))
  assert.deepEqual([pidFile.status().signalsTried, recorder.text('signals')], [0, ''])
})

for (const [what, content] of [
  ['no number', 'abc'],
  ['nothing', ''],
  ['a group', '-5'],
  ['zero', '0'],
  ['ourselves', String(process.pid)],
  ['two numbers', '12 13'],
] as const) {
  test(`a pid file that holds ${what} signals nobody`, async (t) => {
    const path = new Recorder(t).path('pid')
    writeFileSync(path, content)
    await assert.rejects(readPidFile(path), { code: 'ERR_PID_FILE_INVALID' })
  })
}

test('a pid file of a process that is gone signals nobody', async (t) => {
  const recorder = new Recorder(t)
  const path = recorder.path('pid')
  // Above the largest number Linux gives.
  writeFileSync(path, '4194305')
  await assert.rejects(readPidFile(path), { code: 'ERR_PID_FILE_FOREIGN_PROCESS', message: /there is no process/ })
  rmSync(path)
  await assert.rejects(readPidFile(path), { code: 'ERR_PID_FILE_MISSING' })
})
