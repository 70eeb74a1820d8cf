import { after, test } from 'node:test'
import { SoftHsm, softHsmMissing } from '../../devices/softhsm.js'
import { Swtpm, swtpmMissing } from '../../devices/swtpm.js'
import { assertSurvivesKills } from './assert-survives-kills.js'

let started: SoftHsm | undefined
after(() => started?.remove())

test(
  'Pkcs11: 200 generates killed at random points lose no key that was reported created, leave no half entry, and orphans on the token are found',
  { skip: softHsmMissing ?? false, timeout: 240_000 },
  async (context) => {
    started = new SoftHsm()
    started.initToken('killed')
    const settings = started.settings('killed')
    const { kills, orphans } = await assertSurvivesKills({
      type: 'Pkcs11',
      settings,
      generates: 200,
      generateMs: 25,
      keysInRun: 24,
    })
    context.diagnostic(`${kills} kills, ${orphans} orphans found`)
  },
)

test(
  'Tpm: 200 generates killed at random points lose no key that was reported created and leave no half entry',
  { skip: swtpmMissing ?? false, timeout: 240_000 },
  async (context) => {
    await using tpm = await Swtpm.start()
    const settings = { tcti: tpm.tcti, key_store_dir: tpm.keyStore() }
    const { kills } = await assertSurvivesKills({
      type: 'Tpm',
      settings,
      generates: 200,
      generateMs: 15,
      keysInRun: 12,
    })
    context.diagnostic(`${kills} kills`)
  },
)
