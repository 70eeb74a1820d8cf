import assert from 'node:assert/strict'
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { OutputConfig } from '../../../sidecar/config/output-model.js'
import { Output } from '../../../sidecar/outputs/output.js'
import { until } from '../../scenarios/running-sidecar.js'
import {
  Announcements,
  outputConfig,
  outputFolder,
  silentLog,
  TestIdentity,
  TestJwtFeed,
  textOf,
} from './output-fixture.js'

async function openOutput(t: TestContext, config: OutputConfig, jwt?: TestJwtFeed) {
  const identity = new TestIdentity()
  const announcements = new Announcements()
  const { onPlaced } = announcements
  const output = await Output.open(config, { svid: identity, jwt, log: silentLog, onPlaced })
  output.start()
  t.after(() => output.close())
  return { identity, announcements, output }
}

test('a reconnecting agent with nothing new causes no write and no signal', async (t) => {
  const folder = outputFolder(t)
  const { identity, announcements, output } = await openOutput(t, outputConfig(folder))
  await identity.rotate()
  await announcements.until(1)
  const before = statSync(join(folder, 'svid.pem'))
  identity.tell()
  await announcements.until(2)
  assert.deepEqual(announcements.all, [true, false])
  assert.deepEqual(statSync(join(folder, 'svid.pem')).mtimeMs, before.mtimeMs)
  assert.equal(output.status().rotations, 1)
})

test('every set is announced after all of its files are in place', async (t) => {
  const folder = outputFolder(t)
  const identity = new TestIdentity()
  const seen: boolean[] = []
  const output = await Output.open(outputConfig(folder), {
    svid: identity,
    jwt: undefined,
    log: silentLog,
    onPlaced: () => {
      const issued = identity.issued
      seen.push(textOf(folder, 'svid.pem') === issued?.chainPem && textOf(folder, 'svid_key.pem') === issued?.keyPem)
    },
  })
  output.start()
  t.after(() => output.close())
  for (let round = 1; round <= 5; round += 1) {
    await identity.rotate()
    await until('the set is announced', () => (seen.length >= round ? true : undefined))
  }
  assert.deepEqual(seen, [true, true, true, true, true])
})

test('before the first SVID each file is named as missing', async (t) => {
  const { output } = await openOutput(t, outputConfig(outputFolder(t)))
  assert.equal(output.isPlaced, false)
  assert.deepEqual(output.status().problems, [
    '"svid_bundle.pem" is not written yet',
    '"svid_key.pem" is not written yet',
    '"svid.pem" is not written yet',
  ])
})

test('readiness is judged on disk: a file somebody removes is missed, and written again', async (t) => {
  const folder = outputFolder(t)
  const { identity, announcements, output } = await openOutput(t, outputConfig(folder))
  await identity.rotate()
  await announcements.until(1)
  await output.review()
  assert.deepEqual(output.status().problems, [])
  rmSync(join(folder, 'svid_key.pem'))
  const problem = await until('the loss is seen', async () => {
    await output.review()
    return output.status().problems.at(0)
  })
  assert.equal(problem, `"${join(folder, 'svid_key.pem')}" is missing or cannot be read`)
  await announcements.until(2)
  assert.equal(textOf(folder, 'svid_key.pem'), identity.issued?.keyPem)
  assert.deepEqual(output.status().problems, [])
})

test('files whose time is over are no longer ready nor alive', async (t) => {
  const { identity, announcements, output } = await openOutput(t, outputConfig(outputFolder(t)))
  await identity.rotate()
  await announcements.until(1)
  const end = Date.parse(output.status().validUntil ?? '')
  assert.equal(output.isAlive(end), true)
  assert.deepEqual(output.status(end).problems, [])
  assert.equal(output.isAlive(end + 1001), false)
  assert.match(output.status(end + 1001).problems.join(), /expired/)
})

test('a renewed token is a change of its own', async (t) => {
  const folder = outputFolder(t)
  const jwt = new TestJwtFeed()
  const config = outputConfig(folder, { jwtSvids: [{ audiences: ['db'], fileName: 'db.jwt' }] })
  const { identity, announcements, output } = await openOutput(t, config, jwt)
  await identity.rotate()
  await announcements.until(1)
  assert.deepEqual(output.status().problems, ['"db.jwt" is not written yet'])
  const expiresAt = new Date(Date.now() + 300_000)
  jwt.set({ svids: new Map([['db.jwt', { token: 'first', expiresAt }]]) })
  await announcements.until(2)
  jwt.set({ svids: new Map([['db.jwt', { token: 'second', expiresAt }]]) })
  await announcements.until(3)
  assert.equal(textOf(folder, 'db.jwt'), 'second')
  assert.deepEqual([announcements.changes, output.status().problems], [3, []])
})

test('cert_dir missing', async (t) => {
  const directory = join(outputFolder(t), 'missing')
  await assert.rejects(openOutput(t, outputConfig(directory)), {
    code: 'ERR_OUTPUT_DIRECTORY',
    message: `the directory "${directory}" does not exist: create it`,
  })
})

test('cert_dir not a directory', async (t) => {
  const directory = join(outputFolder(t), 'file')
  writeFileSync(directory, '')
  await assert.rejects(openOutput(t, outputConfig(directory)), {
    code: 'ERR_OUTPUT_DIRECTORY',
    message: /no directory/,
  })
})

test('a write that fails is tried again, and the old files hold until it succeeds', async (t) => {
  const folder = outputFolder(t)
  const { identity, announcements, output } = await openOutput(t, outputConfig(folder))
  const first = await identity.rotate()
  await announcements.until(1)
  rmSync(join(folder, 'svid.pem'))
  mkdirSync(join(folder, 'svid.pem'))
  await identity.rotate()
  await until('the failure is counted', () => (output.status().writeFailures > 0 ? true : undefined))
  assert.match(output.status().problems.join(), /is a directory: remove it/)
  assert.equal(textOf(folder, 'svid_key.pem'), first.keyPem)
  rmSync(join(folder, 'svid.pem'), { recursive: true })
  await announcements.until(2)
  assert.equal(textOf(folder, 'svid.pem'), identity.issued?.chainPem)
  assert.deepEqual(output.status().problems, [])
})
