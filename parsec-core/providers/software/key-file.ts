import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { ParsecError } from '../../errors.js'
import { readDescription, type KeyDescription } from '../../key-store/key-description.js'
import type { KeyStoreEntry } from '../../key-store/key-store.js'
import { ResponseStatus } from '../../response-status.js'

/**
 * One key as a file: `SVK1`, nonce (12), tag (16), then AES-256-GCM over a description (JSON, its length in front as
 * 32 bits) and the key's bytes. The file's name is authenticated with it, so that two entries cannot be exchanged.
 */
const magic = Buffer.from('SVK1', 'ascii')
const nonceLength = 12
const tagLength = 16
const headerLength = magic.length + nonceLength + tagLength

export function sealKeyFile(entry: KeyStoreEntry, key: Uint8Array, fileName: string): Uint8Array {
  const { material, ...description } = entry
  const text = Buffer.from(JSON.stringify(description), 'utf8')
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  const nonce = randomBytes(nonceLength)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(associatedData(fileName))
  const sealed = [cipher.update(length), cipher.update(text), cipher.update(material), cipher.final()]
  return Buffer.concat([magic, nonce, cipher.getAuthTag(), ...sealed])
}

/** Throws `PsaErrorDataCorrupt` for a file cut short or edited, or sealed with another key. */
export function openKeyFile(file: Uint8Array, key: Uint8Array, fileName: string): KeyStoreEntry {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.length)
  if (bytes.length < headerLength || !bytes.subarray(0, magic.length).equals(magic)) throw corrupt(fileName)
  const plain = decrypt(bytes, key, fileName)
  const end = 4 + plain.readUInt32BE()
  const description = parseDescription(plain.toString('utf8', 4, end), fileName)
  const material = Uint8Array.from(plain.subarray(end))
  plain.fill(0)
  return { ...description, material }
}

function decrypt(bytes: Buffer, key: Uint8Array, fileName: string): Buffer {
  const nonce = bytes.subarray(magic.length, magic.length + nonceLength)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength })
  decipher.setAAD(associatedData(fileName))
  decipher.setAuthTag(bytes.subarray(magic.length + nonceLength, headerLength))
  const opened = decipher.update(bytes.subarray(headerLength))
  try {
    decipher.final()
  } catch (error) {
    opened.fill(0)
    throw corrupt(fileName, error)
  }
  return opened
}

function associatedData(fileName: string): Buffer {
  return Buffer.concat([magic, Buffer.from(fileName, 'utf8')])
}

/** Authentic as it is, it may still come from another version: what this one does not know is refused, not guessed. */
function parseDescription(text: string, fileName: string): KeyDescription {
  try {
    return readDescription(JSON.parse(text))
  } catch (error) {
    throw corrupt(fileName, error)
  }
}

function corrupt(fileName: string, cause?: unknown): ParsecError {
  return new ParsecError(
    ResponseStatus.PsaErrorDataCorrupt,
    `the stored key "${fileName}" is damaged, or was written with another store key: check "store_key_file"`,
    { cause },
  )
}
