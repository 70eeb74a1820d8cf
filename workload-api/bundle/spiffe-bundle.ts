import { decodeUtf8, isJsonObject, rawMembers, readJsonObject, type JsonObject } from '../encoding/json.js'
import { SpiffeError } from '../errors.js'
import type { TrustDomain } from '../spiffe-id/trust-domain.js'
import { maxAuthorities } from '../x509/certificate.js'
import { X509Bundle } from '../x509/x509-bundle.js'
import { hasKnownKeyType, jwtAuthorityJwk, readX5c, x509AuthorityJwk } from './jwk.js'
import { JwtBundle, readJwtAuthorities, type JwtAuthorities } from './jwt-bundle.js'

/** What a bundle is made of; what is left out is empty, or not stated. */
export interface SpiffeBundleFields {
  /** DER. */
  readonly x509Authorities?: readonly Uint8Array[]
  readonly jwtAuthorities?: JwtAuthorities
  readonly sequenceNumber?: bigint
  readonly refreshHintSeconds?: number
}

const maxSequenceNumber = 2n ** 64n - 1n
/** Ten years: a longer wait is no wait but a mistake. */
const maxRefreshHintSeconds = 315_360_000

/**
 * A trust bundle in the format of SPIFFE Trust Domain and Bundle section 4: the authorities of one trust domain for both
 * kinds of SVID, what endpoints serve and files carry. Immutable. One without authorities trusts nobody.
 */
export class SpiffeBundle {
  readonly trustDomain: TrustDomain
  /** DER, in the order they came. */
  readonly x509Authorities: readonly Uint8Array[]
  /** Public keys by their key ID. */
  readonly jwtAuthorities: JwtAuthorities
  /** `spiffe_sequence`: grows with each change of content; 64 bits. */
  readonly sequenceNumber: bigint | undefined
  /** `spiffe_refresh_hint`: how often to look for a newer one, in seconds. */
  readonly refreshHintSeconds: number | undefined
  readonly #x509Bundle: X509Bundle | undefined
  readonly #x509Jwks: readonly JsonObject[]

  /**
   * @throws {SpiffeError} `ERR_SPIFFE_BUNDLE_INVALID` when a number is out of range or a key unreadable, `ERR_X509_BUNDLE_INVALID` or
   *   `ERR_JWT_BUNDLE_INVALID` when an authority is none
   */
  constructor(trustDomain: TrustDomain, fields: SpiffeBundleFields = {}) {
    const { x509Authorities = [], jwtAuthorities = new Map(), sequenceNumber, refreshHintSeconds } = fields
    if (sequenceNumber !== undefined && (sequenceNumber < 0n || sequenceNumber > maxSequenceNumber)) {
      throw invalid(trustDomain, 'spiffe_sequence is not an integer of 64 bits')
    }
    if (refreshHintSeconds !== undefined && !isRefreshHint(refreshHintSeconds)) {
      throw invalid(trustDomain, 'spiffe_refresh_hint is not a number of seconds')
    }
    this.trustDomain = trustDomain
    this.#x509Bundle =
      x509Authorities.length === 0 ? undefined : X509Bundle.parse(trustDomain, Buffer.concat(x509Authorities))
    this.x509Authorities = this.#x509Bundle?.x509Authorities ?? Object.freeze([])
    this.#x509Jwks = this.x509Authorities.map((authority) => {
      const jwk = x509AuthorityJwk(authority)
      if (jwk === undefined) throw invalid(trustDomain, 'the key of an authority cannot be read')
      return jwk
    })
    this.jwtAuthorities = JwtBundle.fromJwtAuthorities(trustDomain, jwtAuthorities).jwtAuthorities
    this.sequenceNumber = sequenceNumber
    this.refreshHintSeconds = refreshHintSeconds
  }

  /**
   * Reads a document, UTF-8 or text. Keys of other uses and of unknown types are ignored (section 4.2), as are
   * `x509-svid` keys without a certificate (X509-SVID section 6.2) and `jwt-svid` keys without an ID; members that are
   * not of the standard are not read.
   *
   * @throws {SpiffeError} `ERR_SPIFFE_BUNDLE_INVALID`
   */
  static parse(trustDomain: TrustDomain, document: Uint8Array | string): SpiffeBundle {
    const text = typeof document === 'string' ? document : decodeUtf8(document)
    const object = text === undefined ? undefined : readJsonObject(text)
    const fault = (reason: string): SpiffeError => invalid(trustDomain, reason)
    if (text === undefined || object === undefined) throw fault('it is not a JSON object')
    for (const name of ['keys', 'spiffe_sequence', 'spiffe_refresh_hint']) {
      if (rawMembers(text, name).length > 1) throw fault(`it has "${name}" twice`)
    }
    const entries = readEntries(object['keys'], fault)
    const sequenceNumber = readSequence(text, fault)
    const refreshHintSeconds = readRefreshHint(object['spiffe_refresh_hint'], fault)
    return new SpiffeBundle(trustDomain, {
      x509Authorities: readX509Authorities(entries, fault),
      jwtAuthorities: readJwtAuthorities(
        entries.filter(({ use }) => use === 'jwt-svid'),
        fault,
      ),
      ...(sequenceNumber !== undefined && { sequenceNumber }),
      ...(refreshHintSeconds !== undefined && { refreshHintSeconds }),
    })
  }

  /** The document, what `parse` reads. */
  marshal(): string {
    const keys = [...this.#x509Jwks, ...[...this.jwtAuthorities].map(([keyId, key]) => jwtAuthorityJwk(keyId, key))]
    const hint = this.refreshHintSeconds === undefined ? {} : { spiffe_refresh_hint: this.refreshHintSeconds }
    const rest = JSON.stringify({ ...hint, keys })
    // By hand: a number of JavaScript would round it.
    return this.sequenceNumber === undefined ? rest : `{"spiffe_sequence":${this.sequenceNumber},${rest.slice(1)}`
  }

  /** The authorities for X.509-SVIDs; undefined when there are none (X509-SVID section 6.2: then none is trusted). */
  x509Bundle(): X509Bundle | undefined {
    return this.#x509Bundle
  }

  /** The authorities for JWT-SVIDs; undefined when there are none. */
  jwtBundle(): JwtBundle | undefined {
    if (this.jwtAuthorities.size === 0) return undefined
    return JwtBundle.fromJwtAuthorities(this.trustDomain, this.jwtAuthorities)
  }

  /** Whether both say the same, sequence number and refresh hint too. */
  equals(other: SpiffeBundle): boolean {
    return this.trustDomain === other.trustDomain && this.marshal() === other.marshal()
  }
}

type Fault = (reason: string) => SpiffeError

function readEntries(keys: unknown, fault: Fault): readonly JsonObject[] {
  if (!Array.isArray(keys)) throw fault('it has no list "keys"')
  const entries = keys.filter(isJsonObject)
  if (entries.length !== keys.length) throw fault('a key is not an object')
  return entries.filter(hasUse)
}

function hasUse({ use }: JsonObject): boolean {
  return use === 'x509-svid' || use === 'jwt-svid'
}

function readX509Authorities(entries: readonly JsonObject[], fault: Fault): readonly Uint8Array[] {
  const authorities: Uint8Array[] = []
  for (const entry of entries) {
    const { use, x5c } = entry
    if (use !== 'x509-svid' || !hasKnownKeyType(entry) || !Array.isArray(x5c) || x5c.length === 0) continue
    const authority = readX5c(x5c)
    if (authority === undefined) throw fault('an "x5c" is not a certificate in base64')
    authorities.push(authority)
    if (authorities.length > maxAuthorities) throw fault(`it has more than ${maxAuthorities} authorities`)
  }
  return authorities
}

function readSequence(text: string, fault: Fault): bigint | undefined {
  const [written] = rawMembers(text, 'spiffe_sequence')
  if (written === undefined) return undefined
  if (!/^[0-9]{1,20}$/.test(written)) throw fault('spiffe_sequence is not an integer of 64 bits')
  return BigInt(written)
}

function readRefreshHint(value: unknown, fault: Fault): number | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'number') throw fault('spiffe_refresh_hint is not a number of seconds')
  return value
}

function isRefreshHint(seconds: number): boolean {
  return Number.isInteger(seconds) && seconds >= 0 && seconds <= maxRefreshHintSeconds
}

function invalid(trustDomain: TrustDomain, reason: string): SpiffeError {
  const message = `the trust bundle of trust domain "${trustDomain}" is invalid: ${reason}`
  return new SpiffeError('ERR_SPIFFE_BUNDLE_INVALID', message)
}
