import assert from 'node:assert/strict'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { ProcessConfig } from '../../../sidecar/config/output-model.js'
import { SupervisedProcess } from '../../../sidecar/processes/supervised-process.js'
import { until } from '../../scenarios/running-sidecar.js'
import { silentLog } from '../outputs/output-fixture.js'
import { gone, Recorder } from './recorder.js'

function supervise(t: TestContext, command: readonly string[], changes: Partial<ProcessConfig> = {}) {
  const config: ProcessConfig = {
    command,
    restart: 'never',
    renewSignal: 'SIGUSR1',
    stopTimeoutMs: 5000,
    ...changes,
  }
  const program = new SupervisedProcess(config, { log: silentLog, pauses: { firstMs: 20, lastMs: 80 } })
  t.after(() => program.stop())
  return program
}

/** What this process was itself given by whoever started it; all that Node or the addon opens is close-on-exec. */
function isPassedOn(fd: string): boolean {
  const flags = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? ''
  return (parseInt(flags, 8) & 0o2000000) === 0
}

const listener = 'trap "echo USR1 >> $OUT/signals" USR1\necho $$ >> $OUT/pids\nwhile :; do sleep 0.05; done'

test('it runs in its own process group, and its arguments arrive as they are', async (t) => {
  const recorder = new Recorder(t)
  const path = recorder.program('p', 'echo "$(ps -o pgid= -p $$ | tr -d " ") $$ [$1] [$2]" >> $OUT/seen; sleep 60')
  supervise(t, [path, 'a b', '$HOME']).start()
  const [line = ''] = await recorder.lines('seen', 1)
  const [group, pid] = line.split(' ')
  assert.equal(group, pid)
  assert.match(line, /\[a b\] \[\$HOME\]$/)
})

test('no descriptor that is ours is inherited', async (t) => {
  const held = openSync('/dev/null', 'r')
  const server = createServer().listen(0)
  t.after(() => {
    closeSync(held)
    server.close()
  })
  const program = supervise(t, ['sleep', '60'])
  program.start()
  const pid = program.status().pid ?? 0
  await until('the program runs', () => (readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n' ? true : undefined))
  const passed = readdirSync(`/proc/${pid}/fd`)
  assert.ok(!isPassedOn(String(held)))
  assert.deepEqual(
    passed.filter((fd) => Number(fd) > 2 && !isPassedOn(fd)),
    [],
  )
})

test('a renewal signals the running program, and starts one that ended', async (t) => {
  const recorder = new Recorder(t)
  const program = supervise(t, [recorder.program('p', listener)])
  program.renew()
  assert.equal(program.status().state, 'waiting')
  program.start()
  await recorder.lines('pids', 1)
  program.renew()
  await recorder.lines('signals', 1)
  assert.equal(program.status().signalsTried, 1)
  process.kill(program.status().pid ?? 0, 'SIGKILL')
  await until('it ended', () => (program.status().state === 'exited' ? true : undefined))
  assert.equal(program.status().lastExit?.signal, 'SIGKILL')
  program.renew()
  await recorder.lines('pids', 2)
  assert.equal(program.status().restarts, 1)
})

test('child that exits at once in a loop', async (t) => {
  const recorder = new Recorder(t)
  const program = supervise(t, [recorder.program('p', 'date +%s%N >> $OUT/starts; exit 3')], { restart: 'always' })
  program.start()
  const starts = (await recorder.lines('starts', 6)).map((line) => Number(line) / 1e6)
  const pauses = starts.slice(1).map((start, index) => start - (starts[index] ?? 0))
  for (const [index, least] of [20, 40, 80, 80, 80].entries()) assert.ok((pauses[index] ?? 0) >= least, String(pauses))
  const status = program.status()
  assert.match(status.problem ?? '', /ended: exit status 3/)
  assert.equal(status.lastExit?.code, 3)
  assert.ok(status.restarts >= 5)
})

for (const [restart, exit, again] of [
  ['never', 1, false],
  ['on-failure', 0, false],
  ['on-failure', 1, true],
  ['always', 0, true],
] as const) {
  test(`cmd_restart = ${restart} after exit status ${exit}: ${again ? 'started again' : 'stays ended'}`, async (t) => {
    const recorder = new Recorder(t)
    const program = supervise(t, [recorder.program('p', `echo >> $OUT/starts; exit ${exit}`)], { restart })
    program.start()
    await recorder.lines('starts', again ? 2 : 1)
    if (!again) await until('it ended', () => (program.status().state === 'exited' ? true : undefined))
    assert.equal(program.status().restarts > 0, again)
  })
}

test('child that ignores SIGTERM', async (t) => {
  const recorder = new Recorder(t)
  const path = recorder.program('p', 'trap "" TERM\necho $$ >> $OUT/pids\nwhile :; do sleep 0.05; done')
  const program = supervise(t, [path], { stopTimeoutMs: 200 })
  program.start()
  const [pid] = await recorder.lines('pids', 1)
  const begun = Date.now()
  await program.stop()
  assert.ok(Date.now() - begun >= 200)
  await gone(Number(pid))
})

test('what the program started ends with it, when it is stopped and when it ends by itself', async (t) => {
  const recorder = new Recorder(t)
  const helper = recorder.program('helper', 'trap "" HUP\necho $$ >> $OUT/helpers; while :; do sleep 0.05; done')
  const stopped = supervise(t, [recorder.program('a', `${helper} & wait`)])
  stopped.start()
  const [first] = await recorder.lines('helpers', 1)
  await stopped.stop()
  await gone(Number(first))
  const ended = supervise(t, [recorder.program('b', `${helper} &\nsleep 0.3`)])
  ended.start()
  const [, second] = await recorder.lines('helpers', 2)
  await gone(Number(second))
})

test('a program that is not there is a problem in the status, not an end of the process', async (t) => {
  const program = supervise(t, ['/nonexistent/program'])
  program.start()
  const problem = await until('the problem is shown', () => program.status().problem)
  assert.match(problem, /could not be started.*ENOENT/)
  assert.equal(program.status().lastExit?.code, undefined)
})

test('a signal that comes right after the start waits until the program can have its handler', async (t) => {
  const recorder = new Recorder(t)
  const late = 'sleep 0.3\ntrap "echo USR1 >> $OUT/signals" USR1\nwhile :; do sleep 0.05; done'
  const program = supervise(t, [recorder.program('p', late)])
  program.start()
  program.renew()
  program.renew()
  await recorder.lines('signals', 1)
  assert.deepEqual([program.status().state, program.status().signalsTried], ['running', 1])
})
