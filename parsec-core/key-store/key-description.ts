import { isAlgorithm } from '../algorithm.js'
import {
  usageFlags,
  type KeyAttributes,
  type KeyIdentity,
  type KeyLifetime,
  type KeyOrigin,
  type KeyType,
} from '../key-attributes.js'
import { signingKeyTypeOf } from '../signing-keys.js'
import type { KeyStoreEntry } from './key-store.js'

/** What is written of a key beside its material. */
export type KeyDescription = Omit<KeyStoreEntry, 'material'>

/**
 * A description read from a file. What this version does not know is refused, not guessed: attributes are a policy.
 * Throws `TypeError`.
 */
export function readDescription(read: unknown): KeyDescription {
  if (!isRecord(read) || !isIdentity(read.identity) || !isOrigin(read.origin)) {
    throw new TypeError('it does not describe a key')
  }
  const { identity, origin } = read
  return {
    identity: { applicationIdentity: identity.applicationIdentity, keyName: identity.keyName },
    origin,
    attributes: readAttributes(read.attributes),
  }
}

function readAttributes(read: unknown): KeyAttributes {
  if (!isRecord(read)) throw new TypeError('it has no key attributes')
  const { keyType, keyBits, permittedAlgorithms, usageFlags: flags } = read
  // Before keys had a lifetime, only those that were to stay were written.
  const lifetime = read.lifetime ?? 'persistent'
  if (
    isKeyType(keyType) &&
    typeof keyBits === 'number' &&
    signingKeyTypeOf({ keyType, keyBits }) !== undefined &&
    isListOf(permittedAlgorithms, isAlgorithm) &&
    isListOf(flags, isUsageFlag) &&
    isLifetime(lifetime)
  ) {
    return { keyType, keyBits, usageFlags: flags, permittedAlgorithms, lifetime }
  }
  throw new TypeError('its key attributes are not known to this version')
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function isIdentity(value: unknown): value is KeyIdentity {
  return isRecord(value) && typeof value.applicationIdentity === 'string' && typeof value.keyName === 'string'
}

function isOrigin(value: unknown): value is KeyOrigin {
  return value === 'generated' || value === 'imported'
}

function isLifetime(value: unknown): value is KeyLifetime {
  return value === 'volatile' || value === 'persistent'
}

function isKeyType(value: unknown): value is KeyType {
  return (
    isRecord(value) && (value.kind === 'RsaKeyPair' || (value.kind === 'EccKeyPair' && value.curveFamily === 'SecpR1'))
  )
}

function isUsageFlag(name: string): name is (typeof usageFlags)[number] {
  return (usageFlags as readonly string[]).includes(name)
}

function isListOf<Name extends string>(
  value: unknown,
  known: (name: string) => name is Name,
): value is readonly Name[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string' && known(name))
}
