import { createHash, randomBytes, verify, type KeyObject } from 'node:crypto'
import { describeAlgorithm, type Algorithm } from '../../algorithm.js'
import { notSupported } from '../../errors.js'
import type { KeyAttributes } from '../../key-attributes.js'
import { nodeSignatureOptions } from '../../node-signature.js'

/**
 * TPMs of older specifications make RSA-PSS salts as long as the modulus allows (TPM 2.0 Part 1, B.7), which TLS 1.3
 * refuses (RFC 8446, 4.2.3). Every signature of such a key would fail at the peer, so one is made and looked at before
 * the key is given out. Throws `PsaErrorNotSupported`.
 */
export async function requireDigestSalt(
  attributes: KeyAttributes,
  publicKey: KeyObject,
  signHash: (algorithm: Algorithm, hash: Uint8Array) => Promise<Uint8Array>,
): Promise<void> {
  const algorithm = attributes.permittedAlgorithms.find((name) => describeAlgorithm(name).scheme === 'rsa-pss')
  if (algorithm === undefined) return
  const { hash } = describeAlgorithm(algorithm)
  const message = randomBytes(32)
  const signature = await signHash(algorithm, createHash(hash).update(message).digest())
  if (verify(hash, message, { key: publicKey, ...nodeSignatureOptions(algorithm) }, signature)) return
  throw notSupported(
    'this TPM makes RSA-PSS salts of another length than the hash, which TLS 1.3 refuses: use an EC key',
  )
}
