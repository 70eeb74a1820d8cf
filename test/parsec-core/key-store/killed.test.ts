import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertSurvivesKills } from './assert-survives-kills.js'

test('Software: 200 generates killed at random points lose no key that was reported created and leave no half entry', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'svidecar-killed-'))
  context.after(() => rmSync(folder, { recursive: true }))
  const storeKeyFile = join(folder, 'store.key')
  writeFileSync(storeKeyFile, randomBytes(32), { mode: 0o600 })
  const settings = { store: 'encrypted', key_store_dir: join(folder, 'keys'), store_key_file: storeKeyFile }
  const { kills } = await assertSurvivesKills({
    type: 'Software',
    settings,
    generates: 200,
    generateMs: 4,
    keysInRun: 6,
  })
  context.diagnostic(`${kills} kills`)
})
