import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { cpuSeconds, residentBytes } from './process-tree.js'

const burn = 'const end = process.cpuUsage().user + 200_000; while (process.cpuUsage().user < end);'
const parent = `
  const { spawnSync } = require('node:child_process')
  spawnSync(process.execPath, ['-e', ${JSON.stringify(burn)}])
  console.log('done')
  process.stdin.resume().on('end', () => process.exit())`

test('the processor time of a tree includes that of children that have ended', async () => {
  const child = spawn(process.execPath, ['-e', parent], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  const seconds = cpuSeconds(child.pid ?? 0)
  child.stdin.end()
  await once(child, 'exit')
  assert.ok(seconds >= 0.2, `${seconds} s`)
})

test('resident memory of a tree is more than nothing and less than that of the machine', () => {
  const bytes = residentBytes(process.pid)
  const ownRss = process.memoryUsage.rss()
  assert.ok(bytes > ownRss / 2 && bytes < ownRss * 2, `${bytes} of ${ownRss}`)
})
