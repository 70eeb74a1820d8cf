import { describeAlgorithm, type Algorithm } from './algorithm.js'
import { ParsecError } from './errors.js'
import type { KeyAttributes, UsageFlag } from './key-attributes.js'
import { ResponseStatus } from './response-status.js'

/** PSA: the right to sign a hash includes the right to sign a message; the same for verifying. */
const impliedBy: Partial<Record<UsageFlag, UsageFlag>> = { signMessage: 'signHash', verifyMessage: 'verifyHash' }

function hasUsage(attributes: KeyAttributes, flag: UsageFlag): boolean {
  const wider = impliedBy[flag]
  return attributes.usageFlags.includes(flag) || (wider !== undefined && attributes.usageFlags.includes(wider))
}

/**
 * The key's policy, asked before the device is: usage flag, permitted algorithm, and that the algorithm fits the kind
 * of key. Throws `PsaErrorNotPermitted`.
 */
export function requirePermission(attributes: KeyAttributes, usage: UsageFlag, algorithm: Algorithm): void {
  if (!hasUsage(attributes, usage)) throw notPermitted(`the key's usage flags lack "${usage}"`)
  if (!attributes.permittedAlgorithms.includes(algorithm)) {
    throw notPermitted(`the key's policy does not permit "${algorithm}"`)
  }
  if (describeAlgorithm(algorithm).keyKind !== attributes.keyType.kind) {
    throw notPermitted(`"${algorithm}" does not fit a key of type "${attributes.keyType.kind}"`)
  }
}

/** Throws `PsaErrorNotPermitted` when the key's policy keeps its private half inside the provider. */
export function requireExportPermission(attributes: KeyAttributes): void {
  if (!attributes.usageFlags.includes('export')) throw notPermitted('the key\'s usage flags lack "export"')
}

/** Throws `PsaErrorInvalidArgument` for a hash that is not as long as the algorithm's. */
export function requireHashLength(algorithm: Algorithm, hash: Uint8Array): void {
  const { hashLength } = describeAlgorithm(algorithm)
  if (hash.length === hashLength) return
  throw new ParsecError(
    ResponseStatus.PsaErrorInvalidArgument,
    `a hash for "${algorithm}" has ${hashLength} bytes, not ${hash.length}`,
  )
}

function notPermitted(message: string): ParsecError {
  return new ParsecError(ResponseStatus.PsaErrorNotPermitted, message)
}
