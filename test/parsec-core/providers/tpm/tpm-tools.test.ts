import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, verify, type KeyObject } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { generatePrivateKey, importPrivateKey } from '../../../../parsec-core/index.js'
import { decodeWrappedKey } from '../../../../parsec-core/providers/tpm/wrapped-key.js'
import { Swtpm, swtpmMissing } from '../../../devices/swtpm.js'
import { key, message, openTpm } from './open-tpm.js'

const rootAttributes = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt'
const root = ['-C', 'o', '-g', 'sha256', '-G', 'ecc256:aes128cfb', '-a', rootAttributes, '-c', 'root.ctx']

/** Contents with their length in front (TPM2B). */
function sized(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes])
}

/** Loads the one key of a store as README says it is wrapped, with tpm2-tools alone. */
function loadStored(tpm: Swtpm, store: string): string {
  const [file = ''] = readdirSync(store).filter((name) => name.endsWith('.key'))
  const { material } = JSON.parse(readFileSync(join(store, file), 'utf8')) as { readonly material: string }
  const { publicArea, wrappedPrivate } = decodeWrappedKey(Buffer.from(material, 'base64'))
  tpm.tool('tpm2_createprimary', root)
  const files = ['-u', tpm.file('key.pub', sized(publicArea)), '-r', tpm.file('key.priv', sized(wrappedPrivate))]
  // The tools leave what they load.
  tpm.flush()
  tpm.tool('tpm2_load', ['-C', 'root.ctx', ...files, '-c', 'key.ctx'])
  tpm.flush()
  return tpm.tool('tpm2_readpublic', ['-c', 'key.ctx', '-f', 'pem', '-o', 'key.pem'])
}

function assertSignsAs(tpm: Swtpm, publicKey: KeyObject): void {
  assert.ok(createPublicKey(readFileSync(join(tpm.folder, 'key.pem'))).equals(publicKey))
  tpm.flush()
  tpm.tool('tpm2_sign', [
    '-c',
    'key.ctx',
    '-g',
    'sha256',
    '-f',
    'plain',
    '-o',
    'signature',
    tpm.file('message', message),
  ])
  assert.ok(verify('sha256', message, publicKey, readFileSync(join(tpm.folder, 'signature'))))
}

describe('tpm2-tools', { skip: swtpmMissing ?? false, timeout: 60_000 }, () => {
  test('load a generated key from the key store: made in the TPM, fixed to it, without lockout', async () => {
    await using tpm = await Swtpm.start()
    const store = tpm.keyStore()
    const provider = await openTpm({ tcti: tpm.tcti, key_store_dir: store })
    const signer = await generatePrivateKey(provider, key, 'ec-p256', { lifetime: 'persistent' })
    await provider.close()
    const shown = loadStored(tpm, store)
    assert.match(shown, /value: fixedtpm\|fixedparent\|sensitivedataorigin\|userwithauth\|noda\|sign$/mu)
    assertSignsAs(tpm, signer.publicKey)
  })

  test('load an imported key from the key store, and sign as it', async () => {
    await using tpm = await Swtpm.start()
    const store = tpm.keyStore()
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const provider = await openTpm({ tcti: tpm.tcti, key_store_dir: store })
    await importPrivateKey(provider, key, privateKey, { lifetime: 'persistent' })
    await provider.close()
    assert.match(loadStored(tpm, store), /value: userwithauth\|noda\|sign$/mu)
    assertSignsAs(tpm, publicKey)
  })

  test('cannot sign with a key that is loaded: its authorization never left the process', async () => {
    await using tpm = await Swtpm.start()
    await using provider = await openTpm({ tcti: tpm.tcti })
    const signer = await generatePrivateKey(provider, key, 'ec-p256')
    await signer.sign('EcdsaSha256', message)
    const handles = tpm.loadedHandles()
    assert.equal(handles.length, 2)
    for (const handle of handles) {
      const args = ['-c', handle, '-g', 'sha256', '-o', 'signature', tpm.file('message', message)]
      assert.throws(() => tpm.tool('tpm2_sign', args))
    }
    assert.ok(await signer.sign('EcdsaSha256', message))
  })
})
