/** As user 65534, since root may write everywhere. The process takes that user for the time of each test. */
import assert from 'node:assert/strict'
import { chmodSync, chownSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { OutputConfig } from '../../../sidecar/config/output-model.js'
import { Output } from '../../../sidecar/outputs/output.js'
import { Announcements, outputConfig, outputFolder, silentLog, TestIdentity, textOf } from './output-fixture.js'

const nobody = 65_534
const isRoot = process.getuid?.() === 0

function asNobody(t: TestContext, directory: string): void {
  if (!isRoot) return
  chownSync(directory, nobody, nobody)
  process.seteuid?.(nobody)
  t.after(() => process.seteuid?.(0))
}

for (const layout of ['flat', 'atomic'] as const) {
  test(`mode 0444 as non-root over three rotations: ${layout}`, async (t) => {
    const folder = outputFolder(t)
    asNobody(t, folder)
    const config = outputConfig(folder, { layout, certFileMode: 0o444, keyFileMode: 0o400 })
    const identity = new TestIdentity()
    const announcements = new Announcements()
    const dependencies = { svid: identity, jwt: undefined, log: silentLog, onPlaced: announcements.onPlaced }
    const output = await Output.open(config, dependencies)
    output.start()
    for (let rotation = 1; rotation <= 3; rotation += 1) {
      const issued = await identity.rotate()
      await announcements.until(rotation)
      assert.equal(textOf(folder, 'svid.pem'), issued.chainPem)
      assert.equal(textOf(folder, 'svid_key.pem'), issued.keyPem)
    }
    assert.equal(statSync(join(folder, 'svid.pem')).mode & 0o7777, 0o444)
    assert.deepEqual([announcements.changes, output.status().problems], [3, []])
    await output.close()
  })
}

test('cert_dir not writable', async (t) => {
  const folder = outputFolder(t)
  asNobody(t, folder)
  chmodSync(folder, 0o555)
  const dependencies = {
    svid: new TestIdentity(),
    jwt: undefined,
    log: silentLog,
    onPlaced: () => undefined,
  }
  await assert.rejects(Output.open(outputConfig(folder), dependencies), {
    code: 'ERR_OUTPUT_DIRECTORY',
    message: new RegExp(`is not writable for uid ${process.geteuid?.()}: check its owner and mode`),
  })
})

test('an owner this user may not set leaves the old files and says so', async (t) => {
  const folder = outputFolder(t)
  asNobody(t, folder)
  const config: OutputConfig = outputConfig(folder, { owner: 1 })
  const identity = new TestIdentity()
  const output = await Output.open(config, {
    svid: identity,
    jwt: undefined,
    log: silentLog,
    onPlaced: () => undefined,
  })
  output.start()
  await identity.rotate()
  while (output.status().writeFailures === 0) await new Promise((resolve) => setImmediate(resolve))
  assert.match(output.status().problems.join(), /this user may not set the owner or the mode/)
  await output.close()
})
