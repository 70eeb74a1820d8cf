import assert from 'node:assert/strict'
import { constants, createHash, generateKeyPairSync, privateEncrypt } from 'node:crypto'
import { test } from 'node:test'
import { signingKeyAttributes } from '../../../../parsec-core/index.js'
import { requireDigestSalt } from '../../../../parsec-core/providers/tpm/pss-salt.js'
import { assertStatus } from '../../../contract/provider.js'

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const attributes = signingKeyAttributes('rsa-2048')

/** EMSA-PSS-ENCODE (RFC 8017, 9.1.1) of a hash, since `node:crypto` hashes the message itself. */
function signHash(hash: Uint8Array, saltLength: number): Uint8Array {
  const size = 256
  const salt = Buffer.alloc(saltLength, 7)
  const inner = createHash('sha256').update(Buffer.alloc(8)).update(hash).update(salt).digest()
  const block = Buffer.concat([Buffer.alloc(size - saltLength - inner.length - 2), Buffer.of(1), salt])
  const masked = mask(inner, block.length).map((byte, index) => byte ^ (block[index] ?? 0))
  masked[0]! &= 0x7f
  const encoded = Buffer.concat([masked, inner, Buffer.of(0xbc)])
  return privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encoded)
}

/** MGF1 with SHA-256 (RFC 8017, B.2.1). */
function mask(seed: Uint8Array, length: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, counter) =>
    createHash('sha256')
      .update(seed)
      .update(Buffer.of(0, 0, 0, counter))
      .digest(),
  )
  return Uint8Array.from(Buffer.concat(blocks).subarray(0, length))
}

test('an RSA key whose PSS salt is as long as the hash is accepted', async () => {
  await requireDigestSalt(attributes, publicKey, async (_algorithm, hash) => signHash(hash, 32))
})

test('an RSA key whose PSS salt is as long as the modulus allows is refused, since TLS 1.3 would refuse it', async () => {
  const longest = 256 - 32 - 2
  const checked = requireDigestSalt(attributes, publicKey, async (_algorithm, hash) => signHash(hash, longest))
  await assertStatus(checked, 'PsaErrorNotSupported')
})

test('a key that makes no PSS signatures is not asked for one', async () => {
  const refuse = async () => assert.fail('asked')
  await requireDigestSalt({ ...attributes, permittedAlgorithms: ['RsaPkcs1v15Sha256'] }, publicKey, refuse)
  await requireDigestSalt(signingKeyAttributes('ec-p256'), publicKey, refuse)
})
