import { createCipheriv, createECDH, createHash, createHmac } from 'node:crypto'

/** A private key encrypted for a TPM's root key, as TPM2_Import takes it. */
export interface Duplicate {
  /** TPM2B_PRIVATE's contents: an HMAC over what follows and the key's Name, then the encrypted sensitive area. */
  readonly duplicate: Uint8Array
  /** TPM2B_ENCRYPTED_SECRET's contents: the ephemeral point. */
  readonly secret: Uint8Array
}

export interface SensitiveArea {
  readonly kind: 'ecc' | 'rsa'
  /** The scalar, or one prime. */
  readonly value: Uint8Array
}

const algorithmIds = { rsa: 0x0001, ecc: 0x0023, sha256: 0x000b } as const
const coordinate = 32
const aesKeyBits = 128
const digestBits = 256

/**
 * Outer wrapping for a P-256 root whose Name algorithm is SHA-256 and whose cipher is AES-128-CFB (TPM 2.0 Part 1, 23.3
 * and C.6.1): only that TPM can open it, and on the way to it the key is never in the clear.
 */
export function wrapForRoot(rootPoint: Uint8Array, publicArea: Uint8Array, sensitive: SensitiveArea): Duplicate {
  const name = Buffer.concat([uint16(algorithmIds.sha256), createHash('sha256').update(publicArea).digest()])
  const { seed, secret } = agreeOnSeed(rootPoint)
  const cipherKey = kdfa(seed, 'STORAGE', name, aesKeyBits)
  const hmacKey = kdfa(seed, 'INTEGRITY', Buffer.alloc(0), digestBits)
  const plain = sensitiveArea(sensitive)
  try {
    const cipher = createCipheriv('aes-128-cfb', cipherKey, Buffer.alloc(16))
    const encrypted = Buffer.concat([cipher.update(plain), cipher.final()])
    const hmac = createHmac('sha256', hmacKey).update(encrypted).update(name).digest()
    return { duplicate: Buffer.concat([sized(hmac), encrypted]), secret }
  } finally {
    for (const bytes of [seed, cipherKey, hmacKey, plain]) bytes.fill(0)
  }
}

/** TPM2B_SENSITIVE: kind, no authorization, no seed, the key. */
function sensitiveArea({ kind, value }: SensitiveArea): Buffer {
  const area = Buffer.concat([uint16(algorithmIds[kind]), sized(Buffer.alloc(0)), sized(Buffer.alloc(0)), sized(value)])
  const whole = sized(area)
  area.fill(0)
  return whole
}

/** One-pass Diffie-Hellman with the root (Part 1, C.6.1). */
function agreeOnSeed(rootPoint: Uint8Array): { readonly seed: Buffer; readonly secret: Buffer } {
  const ephemeral = createECDH('prime256v1')
  const own = ephemeral.generateKeys().subarray(1)
  const shared = ephemeral.computeSecret(Buffer.concat([Buffer.of(0x04), rootPoint]))
  const ownX = own.subarray(0, coordinate)
  const seed = kdfe(shared, 'DUPLICATE', ownX, rootPoint.subarray(0, coordinate))
  shared.fill(0)
  return { seed, secret: Buffer.concat([sized(ownX), sized(own.subarray(coordinate))]) }
}

/** KDFe with SHA-256, for 256 bits: one round (Part 1, 11.4.10.3). */
function kdfe(shared: Uint8Array, label: string, partyU: Uint8Array, partyV: Uint8Array): Buffer {
  return createHash('sha256')
    .update(uint32(1))
    .update(shared)
    .update(`${label}\0`)
    .update(partyU)
    .update(partyV)
    .digest()
}

/** KDFa with SHA-256, for at most 256 bits: one round (Part 1, 11.4.10.2). */
function kdfa(key: Uint8Array, label: string, context: Uint8Array, bits: number): Buffer {
  const hmac = createHmac('sha256', key).update(uint32(1)).update(`${label}\0`).update(context).update(uint32(bits))
  return hmac.digest().subarray(0, bits / 8)
}

function sized(bytes: Uint8Array): Buffer {
  return Buffer.concat([uint16(bytes.length), bytes])
}

function uint16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff)
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
