import { SpiffeError } from '../errors.js'
import { describeCharacter } from './character.js'

declare const brand: unique symbol

/**
 * The name of a trust domain (SPIFFE-ID section 2.1), such as `example.org`, without `spiffe://`. Only
 * `parseTrustDomain` and `trustDomainOf` make one. A string, so that `===`, `Set` and `Map` compare it by value.
 */
export type TrustDomain = string & { readonly [brand]: 'TrustDomain' }

/** SPIFFE-ID section 2.3: the longest host component of RFC 3986. */
export const maxTrustDomainLength = 255

const foreignCharacter = /[^a-z0-9._-]/u

/**
 * Says what is wrong with a trust domain name, or undefined. A name is a plain token here: `1.2.3.4`, `a..b` and `-a`
 * are valid, since section 2.1 forbids treating names differently for being, or not being, valid DNS names.
 */
export function trustDomainFault(name: string): string | undefined {
  if (name.length === 0) return 'the trust domain is empty'
  const foreign = foreignCharacter.exec(name)
  if (foreign) return `the trust domain has ${describeCharacter(foreign[0])}; allowed are a-z, 0-9, ".", "-" and "_"`
  if (name.length > maxTrustDomainLength) return `the trust domain is longer than ${maxTrustDomainLength} bytes`
  return undefined
}

/**
 * Parses the name of a trust domain by the exact rules of SPIFFE-ID section 2.1: upper case is refused, not folded.
 *
 * @throws {SpiffeError} `ERR_TRUST_DOMAIN_INVALID`
 */
export function parseTrustDomain(name: string): TrustDomain {
  if (typeof name !== 'string') throw new TypeError('a trust domain must be a string')
  if (isTrustDomain(name)) return name
  throw new SpiffeError('ERR_TRUST_DOMAIN_INVALID', trustDomainFault(name) ?? 'not a trust domain')
}

/** Whether the text is the name of a trust domain. */
export function isTrustDomain(name: string): name is TrustDomain {
  return trustDomainFault(name) === undefined
}
