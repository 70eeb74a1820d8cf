import { randomBytes } from 'node:crypto'
import type { KeyIdentity } from '../../key-attributes.js'

/** In front of every CKA_ID made here: with the label, how a key of ours is told from others in a shared token. */
const mark = Buffer.from('svk1', 'ascii')
const labelMark = 'svidecar:'
const randomLength = 16
const idLength = mark.length + randomLength
const maxLabelCharacters = 96

/** How the key store knows a key: its CKA_ID and the serial of its token. */
export interface KeyReference {
  readonly id: Uint8Array
  readonly serial: string
}

/** A CKA_ID no other key has, in whatever token. */
export function newKeyId(): Uint8Array {
  return Uint8Array.from(Buffer.concat([mark, randomBytes(randomLength)]))
}

/** For people who list the token. */
export function labelOf({ applicationIdentity, keyName }: KeyIdentity): string {
  const name = `${labelMark}${applicationIdentity}/${keyName}`.replace(/\p{C}/gu, '?')
  return Array.from(name).slice(0, maxLabelCharacters).join('')
}

export function bearsMark(id: Uint8Array, label: string): boolean {
  return label.startsWith(labelMark) && id.length === idLength && mark.equals(id.subarray(0, mark.length))
}

export function encodeReference({ id, serial }: KeyReference): Uint8Array {
  return Uint8Array.from(Buffer.concat([id, Buffer.from(serial, 'utf8')]))
}

export function decodeReference(reference: Uint8Array): KeyReference {
  return {
    id: Uint8Array.from(reference.subarray(0, idLength)),
    serial: Buffer.from(reference.subarray(idLength)).toString('utf8'),
  }
}
