import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { Tpm, TpmError, type TpmErrorCode } from '../../native/index.js'
import { platformSuffix } from '../../native/loader.js'
import { Swtpm, swtpmMissing } from '../devices/swtpm.js'
import { repositoryRoot } from '../repository-root.js'

const native = join(repositoryRoot, 'dist', 'native')
const addonFile = `tpm.${platformSuffix()}.node`
const noAddon = existsSync(join(native, addonFile)) || process.env['CI'] === 'true' ? false : 'the addon is not built'

function hasCode(code: TpmErrorCode) {
  return (error: unknown) => error instanceof TpmError && error.code === code
}

/** Loads a copy of the built folder after `spoil` has changed it, and says what opening a TPM throws. */
function firstUse(t: TestContext, spoil: (addon: string, home: string) => void) {
  const home = mkdtempSync(join(tmpdir(), 'svidecar-tpm-addon-'))
  t.after(() => rmSync(home, { recursive: true }))
  cpSync(native, join(home, 'dist', 'native'), { recursive: true })
  cpSync(join(repositoryRoot, 'package.json'), join(home, 'package.json'))
  spoil(join(home, 'dist', 'native', addonFile), home)
  const program = `
    import { Tpm, version } from ${JSON.stringify(join(home, 'dist', 'native', 'index.js'))}
    try { Tpm.start({ tcti: 'tabrmd', saltedSessions: true, operationTimeoutMs: 1000 }) }
    catch (e) { console.log(JSON.stringify({ code: e.code, message: e.message, cause: e.cause !== undefined, version })) }`
  const ran = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  return JSON.parse(ran.stdout) as { code: string; message: string; cause: boolean; version: string }
}

describe("the TPM's addon", { timeout: 60_000 }, () => {
  it('that is not built is an error that names the package to install, and nothing else misses it', (t) => {
    const error = firstUse(t, (addon) => rmSync(addon, { force: true }))
    assert.equal(error.code, 'ERR_TPM_NOT_BUILT')
    assert.match(error.message, /apt-get install libtss2-dev.*npm run build/u)
    assert.ok(error.cause)
    assert.match(error.version, /^\d/u)
  })

  it('that cannot be loaded, as where libtss2 is absent, is an error that names the package to install', (t) => {
    const error = firstUse(t, (addon) => writeFileSync(addon, 'not an ELF file'))
    assert.equal(error.code, 'ERR_TPM_NOT_LOADABLE')
    assert.match(error.message, /apt-get install libtss2-dev/u)
    assert.ok(error.cause)
  })

  it('of another version is refused', { skip: noAddon }, (t) => {
    const error = firstUse(t, (_addon, home) => writeFileSync(join(home, 'package.json'), '{"version":"9.9.9"}'))
    assert.equal(error.code, 'ERR_TPM_VERSION')
  })

  it('exports what its types say, and nothing else', { skip: noAddon }, () => {
    const exported = createRequire(import.meta.url)(join(native, addonFile)) as Record<string, unknown>
    const described = readFileSync(join(repositoryRoot, 'native', 'tpm-binding.ts'), 'utf8')
    const functions = described.slice(described.indexOf('export interface TpmBinding {')).matchAll(/^ {2}(\w+)\(/gmu)
    const names = Object.keys(exported).filter((name) => !name.startsWith('Binding'))
    assert.deepEqual(new Set(names), new Set([...functions].map((match) => match[1])))
    assert.ok(Object.keys(exported).length <= 15)
  })
})

describe('a TPM', { skip: swtpmMissing ?? false, timeout: 60_000 }, () => {
  it("tells another TPM's key from one that was changed", async () => {
    await using swtpm = await Swtpm.start()
    await using tpm = Tpm.start({ tcti: swtpm.tcti, saltedSessions: true, operationTimeoutMs: 5_000 })
    const { rootName } = await tpm.open(new Uint8Array())
    const key = await tpm.generateKey('ec-p256')
    const { publicArea, wrappedPrivate } = key
    assert.deepEqual((await tpm.openKey('ec-p256', key)).publicKey, key.publicKey)
    const changed = Uint8Array.from(wrappedPrivate)
    changed[40]! ^= 1
    const opened = tpm.openKey('ec-p256', { publicArea, wrappedPrivate: changed, rootName })
    await assert.rejects(opened, hasCode('ERR_TPM_CORRUPT_KEY'))
    const foreign = Uint8Array.from(rootName)
    foreign[5]! ^= 1
    const other = tpm.openKey('ec-p256', { publicArea, wrappedPrivate, rootName: foreign })
    await assert.rejects(other, hasCode('ERR_TPM_FOREIGN_KEY'))
    await assert.rejects(tpm.openKey('ec-p384', key), hasCode('ERR_TPM_CORRUPT_KEY'))
    await assert.rejects(tpm.signHash(key, 'EcdsaSha256', Buffer.alloc(31)), hasCode('ERR_TPM_INVALID'))
    const nothing = { publicArea: new Uint8Array(), wrappedPrivate, rootName }
    await assert.rejects(tpm.openKey('ec-p256', nothing), hasCode('ERR_TPM_CORRUPT_KEY'))
  })

  it('keeps two keys loaded, however many there are, and signs with each', async () => {
    await using swtpm = await Swtpm.start()
    await using tpm = Tpm.start({ tcti: swtpm.tcti, saltedSessions: false, operationTimeoutMs: 5_000 })
    await tpm.open(new Uint8Array())
    const keys = await Promise.all(Array.from({ length: 5 }, () => tpm.generateKey('ec-p256')))
    for (const key of [...keys, ...keys]) await tpm.signHash(key, 'EcdsaSha256', Buffer.alloc(32, 1))
    assert.equal(swtpm.loadedHandles().length, 3)
    await Promise.all(keys.map((key) => tpm.forgetKey(key)))
    assert.equal(swtpm.loadedHandles().length, 1)
  })

  it('that is closed refuses what comes after, and may be closed twice', async () => {
    await using swtpm = await Swtpm.start()
    const tpm = Tpm.start({ tcti: swtpm.tcti, saltedSessions: true, operationTimeoutMs: 5_000 })
    await tpm.open(new Uint8Array())
    await Promise.all([tpm.close(), tpm.close()])
    await assert.rejects(tpm.random(1), hasCode('ERR_TPM_CLOSED'))
    assert.deepEqual(swtpm.loadedHandles(), [])
  })
})
