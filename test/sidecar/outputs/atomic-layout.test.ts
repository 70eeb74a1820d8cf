import assert from 'node:assert/strict'
import { closeSync, constants, openSync, readFileSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { AtomicLayout } from '../../../sidecar/outputs/atomic-layout.js'
import { digestOf, type OutputFile } from '../../../sidecar/outputs/file-set.js'
import { namesIn, outputFolder, textOf } from './output-fixture.js'

const own = { uid: undefined, gid: undefined }
const names = ['bundle', 'key', 'chain'] as const

function set(text: string): readonly OutputFile[] {
  return names.map((name) => ({ name, content: Buffer.from(text), mode: 0o644 }))
}

test('the names are links into the set that holds, and files of an earlier layout give way to them', async (t) => {
  const folder = outputFolder(t)
  writeFileSync(join(folder, 'key'), 'of the flat layout')
  await new AtomicLayout(folder).write(set('1'), own)
  assert.deepEqual(
    names.map((name) => readlinkSync(join(folder, name))),
    names.map((name) => `..data/${name}`),
  )
  assert.equal(textOf(folder, 'key'), '1')
})

test('an unchanged set is not written again', async (t) => {
  const folder = outputFolder(t)
  const layout = new AtomicLayout(folder)
  assert.equal(await layout.write(set('1'), own), true)
  const before = readlinkSync(join(folder, '..data'))
  assert.equal(await layout.write(set('1'), own), false)
  assert.equal(await new AtomicLayout(folder).write(set('1'), own), false)
  assert.equal(readlinkSync(join(folder, '..data')), before)
})

test('a name that is no longer in the set goes away', async (t) => {
  const folder = outputFolder(t)
  const layout = new AtomicLayout(folder)
  await layout.write(set('1'), own)
  await layout.write(set('1').slice(0, 2), own)
  assert.deepEqual(namesIn(folder), ['bundle', 'key'])
})

test('a set that was replaced stays for who has it open, and no more than 32 of them do', async (t) => {
  const folder = outputFolder(t)
  const layout = new AtomicLayout(folder)
  await layout.write(set('first'), own)
  const held = openSync(join(folder, '..data'), constants.O_RDONLY | constants.O_DIRECTORY)
  t.after(() => closeSync(held))
  await layout.write(set('second'), own)
  assert.equal(readFileSync(`/proc/self/fd/${held}/key`, 'utf8'), 'first')
  for (let round = 0; round < 40; round += 1) await layout.write(set(String(round)), own)
  assert.equal(readdirSync(folder).filter((name) => /^\.\.\d/.test(name)).length, 33)
})

test('a set of an earlier process is removed at the first switch', async (t) => {
  const folder = outputFolder(t)
  await new AtomicLayout(folder).write(set('1'), own)
  await new AtomicLayout(folder).write(set('2'), own)
  await new AtomicLayout(folder).write(set('3'), own)
  assert.equal(readdirSync(folder).filter((name) => /^\.\.\d/.test(name)).length, 2)
})

test('a changed file and a name that is no link are found on disk', async (t) => {
  const folder = outputFolder(t)
  const layout = new AtomicLayout(folder)
  const written = set('1').map(({ name, content, mode }) => ({ name, digest: digestOf(content), mode }))
  assert.equal((await layout.findFaults(written)).length, 1)
  await layout.write(set('1'), own)
  assert.deepEqual(await layout.findFaults(written), [])
  writeFileSync(join(folder, readlinkSync(join(folder, '..data')), 'key'), '2')
  rmSync(join(folder, 'chain'))
  assert.equal((await layout.findFaults(written)).length, 2)
})

/** Opens `..data` once for each round and reads the set through that descriptor. */
const reader = `
const { workerData, parentPort } = require('node:worker_threads')
const { openSync, closeSync, readFileSync } = require('node:fs')
let rounds = 0, mixed = 0
while (rounds < workerData.rounds) {
  const held = openSync(workerData.folder + '/..data', 'r')
  try {
    const texts = workerData.names.map((name) => readFileSync('/proc/self/fd/' + held + '/' + name, 'utf8'))
    rounds += 1
    if (new Set(texts).size !== 1) mixed += 1
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
  } finally {
    closeSync(held)
  }
}
parentPort.postMessage({ rounds, mixed })
`

test('a reader that opens ..data once never sees a mixed set in 100,000 reads', async (t) => {
  const folder = outputFolder(t)
  const layout = new AtomicLayout(folder)
  await layout.write(set('start'), own)
  const worker = new Worker(reader, { eval: true, workerData: { folder, names, rounds: 100_000 } })
  const outcome: { result?: { readonly rounds: number; readonly mixed: number } } = {}
  const finished = new Promise<void>((resolve, reject) => {
    worker.once('message', (message) => (outcome.result = message))
    worker.once('error', reject)
    worker.once('exit', () => resolve())
  })
  let switches = 0
  while (outcome.result === undefined) await layout.write(set(String((switches += 1))), own)
  await finished
  assert.equal(outcome.result.mixed, 0)
  assert.ok(switches > 10, `${switches} switches`)
})
