import type { JsonObject } from '../encoding/json.js'
import type { SpiffeId } from '../spiffe-id/spiffe-id.js'
import { readCompactJwt, type JwtClaims } from './compact-jwt.js'

let make: (token: string, claims: JwtClaims, hint: string) => JwtSvid

/** For who has read the token already; not offered to callers, who could make an SVID that says other than its token. */
export function jwtSvidFrom(token: string, claims: JwtClaims, hint = ''): JwtSvid {
  return make(token, claims, hint)
}

/**
 * A JWT-SVID. The token itself is a secret, whoever has it is the workload, so it is shown neither by `JSON.stringify`
 * nor by `util.inspect`: `marshal` gives it. Immutable.
 */
export class JwtSvid {
  /** The `sub` claim. */
  readonly id: SpiffeId
  /** The `aud` claim, at least one. */
  readonly audience: readonly string[]
  /** The `exp` claim. */
  readonly expiresAt: Date
  /** Every claim as it came. */
  readonly claims: JsonObject
  /** What the issuer calls this identity (Workload API section 8); empty when it does not. */
  readonly hint: string
  readonly #token: string

  static {
    make = (token, claims, hint) => new JwtSvid(token, claims, hint)
  }

  private constructor(token: string, { id, audience, expiresAt, claims }: JwtClaims, hint: string) {
    this.id = id
    this.audience = audience
    this.expiresAt = expiresAt
    this.claims = claims
    this.hint = hint
    this.#token = token
  }

  /**
   * Reads a token without asking who signed it, for whom, and whether it has expired: for a token that is one's own, or
   * to describe one. Whoever receives a token uses `validateJwtSvid`.
   *
   * @throws {SpiffeError} `ERR_JWT_SVID_MALFORMED`, `ERR_JWT_SVID_ALGORITHM_NOT_ALLOWED` or `ERR_JWT_SVID_INVALID`
   */
  static unsafeParse(token: string, hint = ''): JwtSvid {
    return new JwtSvid(token, readCompactJwt(token), hint)
  }

  /** The token in its compact serialization, to be sent as `Authorization: Bearer` (JWT-SVID section 5.2). */
  marshal(): string {
    return this.#token
  }
}
