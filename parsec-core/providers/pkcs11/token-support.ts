import { describeAlgorithm } from '../../algorithm.js'
import { notSupported } from '../../errors.js'
import type { KeyAttributes } from '../../key-attributes.js'
import type { CryptoCheck } from '../../provider.js'
import { signingKeyAttributes, signingKeyTypeOf } from '../../signing-keys.js'
import { ckm } from './cryptoki.js'
import { signingMechanismOf } from './mechanisms.js'
import type { MechanismDescription } from './protocol.js'

/** Throws `PsaErrorNotSupported` when a token with these mechanisms cannot do this with such a key. */
export function requireTokenSupport(
  mechanisms: readonly MechanismDescription[],
  check: CryptoCheck,
  attributes: KeyAttributes,
): void {
  const { keyType, keyBits, permittedAlgorithms } = attributes
  const named = signingKeyTypeOf(attributes)
  if (named === undefined) throw notSupported(`"Pkcs11" has no keys of ${keyBits} bits of type "${keyType.kind}"`)
  const possible = signingKeyAttributes(named).permittedAlgorithms
  for (const algorithm of permittedAlgorithms) {
    if (!possible.includes(algorithm)) throw notSupported(`a key of type "${named}" does not sign with "${algorithm}"`)
  }
  // A token that is lost says nothing; what is asked of it fails with the reason.
  if (mechanisms.length === 0) return
  const generation = keyType.kind === 'RsaKeyPair' ? ckm.rsaPkcsKeyPairGen : ckm.ecKeyPairGen
  const signing = permittedAlgorithms.map((algorithm) => signingMechanismOf(algorithm).mechanism)
  for (const wanted of new Set([...(check === 'generate' ? [generation] : []), ...signing])) {
    if (!mechanisms.some((one) => one.mechanism === wanted && fits(one, keyBits))) {
      throw notSupported(`the token cannot ${check} keys of type "${named}": it lacks ${schemesOf(attributes)}`)
    }
  }
}

/** Some tokens leave the sizes zero, and some give RSA's in bytes: only a maximum in bits says anything. */
function fits({ maxKeySize }: MechanismDescription, bits: number): boolean {
  const leastSizeInBits = 256
  return maxKeySize < leastSizeInBits || maxKeySize >= bits || maxKeySize * 8 === bits
}

function schemesOf({ permittedAlgorithms }: KeyAttributes): string {
  const schemes = new Set(permittedAlgorithms.map((algorithm) => describeAlgorithm(algorithm).scheme))
  return `key pairs or signatures of that size (${[...schemes].join(', ')})`
}
