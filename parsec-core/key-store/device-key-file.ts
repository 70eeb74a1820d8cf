import { createHash } from 'node:crypto'
import { ParsecError } from '../errors.js'
import { ResponseStatus } from '../response-status.js'
import type { KeyFileFormat } from './key-directory.js'
import { isRecord, readDescription } from './key-description.js'
import type { KeyStoreEntry } from './key-store.js'

const version = 1

/**
 * A device's key as a JSON file a person can read: its description, and the device's reference or wrapped blob as
 * base64. The checksum finds damage and edits; it keeps nobody out, since what is stored is no secret and the device
 * judges it: whoever can write here can point a name at another key of the same device.
 */
export function deviceKeyFile(providerType: string): KeyFileFormat {
  return {
    write: (entry) => Buffer.from(formatEntry(providerType, entry), 'utf8'),
    read: (file, fileName) => {
      try {
        return parseEntry(providerType, Buffer.from(file).toString('utf8'))
      } catch (error) {
        const reason = error instanceof TypeError ? error.message : 'it is not whole'
        throw new ParsecError(
          ResponseStatus.PsaErrorDataCorrupt,
          `the stored key "${fileName}" is refused: ${reason}; restore the file, or remove it to give the key up`,
          { cause: error },
        )
      }
    },
  }
}

function formatEntry(providerType: string, { material, ...description }: KeyStoreEntry): string {
  const content = {
    version,
    provider: providerType,
    ...description,
    material: Buffer.from(material).toString('base64'),
  }
  return `${JSON.stringify({ ...content, checksum: checksumOf(content) }, undefined, 2)}\n`
}

function parseEntry(providerType: string, text: string): KeyStoreEntry {
  const read: unknown = JSON.parse(text)
  if (!isRecord(read)) throw new TypeError('it is not the file of a key')
  const { checksum, ...content } = read
  if (content.version !== version) throw new TypeError('it was written by another version')
  if (checksum !== checksumOf(content)) throw new TypeError('it was changed or damaged')
  if (content.provider !== providerType) throw new TypeError(`it is a key of another type of provider`)
  if (typeof content.material !== 'string') throw new TypeError('it does not say which key of the device it is')
  return { ...readDescription(content), material: Uint8Array.from(Buffer.from(content.material, 'base64')) }
}

/** Over the values in the order they are written: a parsed file has the same one. */
function checksumOf(content: Readonly<Record<string, unknown>>): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex')
}
