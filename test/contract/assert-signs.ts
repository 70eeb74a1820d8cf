import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { constants, createHash, verify, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  describeAlgorithm,
  signingKeyAttributes,
  type Algorithm,
  type KeyIdentity,
  type Provider,
  type Signer,
  type SigningKeyType,
} from '../../parsec-core/index.js'
import { assertStatus, message, sign } from './provider-fixture.js'

/** Checked twice by programs that are not ours, since a wrong encoding could be wrong on both sides of one. */
export async function assertSigns(
  signer: Signer,
  type: SigningKeyType,
  unsupported: readonly Algorithm[],
): Promise<void> {
  const expected = signingKeyAttributes(type).permittedAlgorithms.filter((name) => !unsupported.includes(name))
  assert.deepEqual(signer.algorithms, expected)
  for (const algorithm of signer.algorithms) {
    const signature = await signer.sign(algorithm, message)
    assert.ok(verifiesInNode(signer.publicKey, algorithm, signature), `node:crypto refuses ${algorithm}`)
    assert.ok(verifiesInOpenssl(signer.publicKey, algorithm, signature), `openssl refuses ${algorithm}`)
  }
}

export async function assertVerifies(provider: Provider, key: KeyIdentity, signer: Signer): Promise<void> {
  const [algorithm] = signer.algorithms
  assert.ok(algorithm !== undefined)
  if (!provider.psaVerifyMessage) return
  const signature = await sign(provider, key, algorithm)
  await provider.psaVerifyMessage(key, algorithm, message, signature)
  const forged = Uint8Array.from(signature)
  forged[8]! ^= 1
  await assertStatus(provider.psaVerifyMessage(key, algorithm, message, forged), 'PsaErrorInvalidSignature')
}

/** A signature over the hash is one over the message, whoever hashed it, and the other way round. */
export async function assertSignsHashes(provider: Provider, key: KeyIdentity, signer: Signer): Promise<void> {
  for (const algorithm of signer.algorithms) {
    const hash = createHash(describeAlgorithm(algorithm).hash).update(message).digest()
    if (provider.psaSignHash) {
      const signature = await provider.psaSignHash(key, algorithm, hash)
      await provider.psaVerifyMessage?.(key, algorithm, message, signature)
    }
    if (!provider.psaVerifyHash) continue
    const signature = await sign(provider, key, algorithm)
    await provider.psaVerifyHash(key, algorithm, hash, signature)
    const other = createHash(describeAlgorithm(algorithm).hash).update('another message').digest()
    await assertStatus(provider.psaVerifyHash(key, algorithm, other, signature), 'PsaErrorInvalidSignature')
  }
}

function verifiesInNode(publicKey: KeyObject, algorithm: Algorithm, signature: Uint8Array): boolean {
  const { hash, scheme, hashLength } = describeAlgorithm(algorithm)
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: hashLength }
  return verify(hash, message, { key: publicKey, ...(scheme === 'rsa-pss' && pss) }, signature)
}

function verifiesInOpenssl(publicKey: KeyObject, algorithm: Algorithm, signature: Uint8Array): boolean {
  const { hash, scheme } = describeAlgorithm(algorithm)
  const folder = mkdtempSync(join(tmpdir(), 'svidecar-signature-'))
  const file = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const pss = scheme === 'rsa-pss' ? ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest'] : []
  const key = file('key.pem', publicKey.export({ type: 'spki', format: 'pem' }))
  const args = ['dgst', `-${hash}`, '-verify', key, '-signature', file('signature', signature), ...pss]
  try {
    execFileSync('openssl', [...args, file('message', message)], { stdio: 'pipe' })
    return true
  } catch {
    return false
  } finally {
    rmSync(folder, { recursive: true })
  }
}
