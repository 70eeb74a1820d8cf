import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, constants } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { LineWriter } from '../../../sidecar/log/line-writer.js'

function temporaryFolder(context: { after(fn: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'svidecar-test-'))
  context.after(() => rmSync(folder, { recursive: true }))
  return folder
}

test('lines arrive whole and in order', async (t) => {
  const path = join(temporaryFolder(t), 'log')
  const fd = openSync(path, 'w')
  t.after(() => closeSync(fd))
  const writer = new LineWriter(fd)
  for (let line = 0; line < 1000; line += 1) writer.writeLine(`line ${line}`)
  await writer.flush()
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  assert.deepEqual(
    lines,
    Array.from({ length: 1000 }, (_, line) => `line ${line}`),
  )
})

test('a reader that stalls costs lines, which are counted, and never the caller its time', async (t) => {
  const fifo = join(temporaryFolder(t), 'fifo')
  execFileSync('mkfifo', [fifo])
  // A reader that never reads.
  const reader = spawn('sleep', ['60'], { stdio: [openSync(fifo, constants.O_RDWR), 'ignore', 'ignore'] })
  t.after(async () => {
    reader.kill('SIGKILL')
    await once(reader, 'close')
  })
  const fd = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK)
  const writer = new LineWriter(fd)
  const line = 'x'.repeat(1023)
  for (let count = 0; count < 6000; count += 1) writer.writeLine(line)
  assert.ok(writer.lostLines >= 1000, `${writer.lostLines} lines lost`)
})
