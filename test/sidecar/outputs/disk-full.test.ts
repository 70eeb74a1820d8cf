import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Output } from '../../../sidecar/outputs/output.js'
import { until } from '../../scenarios/running-sidecar.js'
import { Announcements, namesIn, outputConfig, silentLog, TestIdentity, textOf } from './output-fixture.js'

/** A file system of 64 KiB; undefined where this user may mount none. */
function mountSmall(t: TestContext): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'so-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=0755', 'tmpfs', folder])
  t.after(() => {
    if (mounted.status === 0) spawnSync('umount', ['-l', folder])
    rmSync(folder, { recursive: true, force: true })
  })
  return mounted.status === 0 ? folder : undefined
}

/** Takes all but one page, so that the first new file of a set still fits and the next one does not. */
function fill(folder: string): void {
  const page = Buffer.alloc(4096, 1)
  for (let index = 0; ; index += 1) {
    try {
      writeFileSync(join(folder, `fill-${index}`), page)
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
      rmSync(join(folder, 'fill-0'))
      return
    }
  }
}

for (const layout of ['flat', 'atomic'] as const) {
  test(`disk full in the middle of a set leaves the old files intact: ${layout}`, async (t) => {
    const folder = mountSmall(t)
    if (folder === undefined) {
      t.skip('this user may not mount a tmpfs')
      return
    }
    const identity = new TestIdentity()
    const announcements = new Announcements()
    const { onPlaced } = announcements
    const output = await Output.open(outputConfig(folder, { layout }), {
      svid: identity,
      jwt: undefined,
      log: silentLog,
      onPlaced,
    })
    output.start()
    t.after(() => output.close())
    const first = await identity.rotate()
    await announcements.until(1)
    fill(folder)
    await identity.rotate()
    await until('the failure is counted', () => (output.status().writeFailures > 0 ? true : undefined))
    assert.match(output.status().problems.join(), /the file system is full/)
    assert.equal(textOf(folder, 'svid.pem'), first.chainPem)
    assert.equal(textOf(folder, 'svid_key.pem'), first.keyPem)
    assert.equal(textOf(folder, 'svid_bundle.pem'), identity.ca.certificatePem)
    assert.equal(announcements.changes, 1)
    for (const name of readdirSync(folder).filter((entry) => entry.startsWith('fill-'))) rmSync(join(folder, name))
    await announcements.until(2)
    assert.equal(textOf(folder, 'svid.pem'), identity.issued?.chainPem)
    assert.deepEqual(namesIn(folder), ['svid.pem', 'svid_bundle.pem', 'svid_key.pem'])
    assert.deepEqual(output.status().problems, [])
  })
}
