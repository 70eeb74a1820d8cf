import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pkcs11SpyModule } from '../../devices/pkcs11-spy.js'
import { SoftHsm, softHsmMissing, userPin } from '../../devices/softhsm.js'
import { prepareLab } from '../lab.js'
import { RunningSidecar, svidecar } from '../running-sidecar.js'
import { keyProviderBlock } from './lab-with-keys.js'

const skip = softHsmMissing ?? false
let hsm: SoftHsm | undefined
after(() => hsm?.remove())

test(
  'a sidecar restarted ten times with a wrong PIN: the token is not locked, one login attempt is seen, and the right PIN serves',
  { skip },
  async (t) => {
    hsm ??= new SoftHsm()
    hsm.initToken('edge')
    const [spied, pin] = [join(hsm.folder, 'spy.log'), hsm.pinFile('000000')]
    Object.assign(process.env, { PKCS11SPY: hsm.module, PKCS11SPY_OUTPUT: spied })
    const settings = hsm.settings('edge', { module: pkcs11SpyModule(), user_pin_file: pin })
    const lab = prepareLab(t, [])
    const preamble = lab.preamble.replace('identity "server" {', 'identity "server" {\n  key_provider = "device"')
    const config = keyProviderBlock('Pkcs11', settings) + preamble
    const file = join(lab.folder, 'wrong.conf')
    writeFileSync(file, config)
    for (let starts = 0; starts < 10; starts += 1) {
      const { status, stderr } = await svidecar(['run', '--config', file, '--log-format', 'json'])
      assert.equal(status, 1, stderr)
      assert.match(stderr, starts === 0 ? /CKR_PIN_INCORRECT/u : /it is not tried again/u)
      assert.ok(!stderr.includes('000000'), 'a PIN is never logged')
    }
    assert.equal(logins(spied), 1)
    writeFileSync(pin, userPin)
    const sidecar = new RunningSidecar(t, lab.folder, 'right', config)
    const { identities } = await sidecar.ready()
    assert.equal(identities[0]?.svid?.residency, 'generated in Pkcs11')
    assert.equal(logins(spied), 2)
  },
)

function logins(spied: string): number {
  return readFileSync(spied, 'utf8').match(/: C_Login$/gmu)?.length ?? 0
}
