/** What an output asks the issuer of its identity for, beside the X.509-SVID. */
export interface JwtRequest {
  readonly svids: readonly JwtSvidRequest[]
  readonly bundles: boolean
}

export interface JwtSvidRequest {
  /** At least one; the first is what the file stands for. */
  readonly audiences: readonly string[]
  readonly fileName: string
}

/** A token in its compact form. */
export interface IssuedJwtSvid {
  readonly token: string
  readonly expiresAt: Date
}

/** The JWT authorities of one trust domain as documents, both JSON. */
export interface JwtBundleDocuments {
  /** RFC 7517: `{"keys":[…]}`. */
  readonly jwks: string
}

/** Everything of JWT an identity has at one moment. */
export interface JwtMaterial {
  /** By the name of the file. */
  readonly svids: ReadonlyMap<string, IssuedJwtSvid>
  /** By the name of the trust domain; undefined before the first. */
  readonly bundles: ReadonlyMap<string, JwtBundleDocuments> | undefined
  readonly problem: string | undefined
}

/** Tokens and JWT bundles of one output, renewed in time by whoever implements it. */
export interface JwtFeed {
  readonly current: JwtMaterial
  /** Calls `listener` at every change from now on; returns how to stop that. */
  onChange(listener: () => void): () => void
  close(): Promise<void>
}
