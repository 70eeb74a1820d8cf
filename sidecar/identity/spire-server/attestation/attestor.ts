/** How a sidecar proves to the server which agent it is. */
export interface Attestor {
  /** The server's name of the attestor. */
  readonly type: 'join_token' | 'x509pop'
  /** Reads what is presented this time. Throws `SpireError`. */
  begin(signal: AbortSignal): Promise<Attestation>
}

/** One attempt. */
export interface Attestation {
  readonly payload: Uint8Array
  /** The answer to what the server asks. Throws `SpireError`, `ParsecError`. */
  answer(challenge: Uint8Array): Promise<Uint8Array>
  /** The server said no: what to make of it. */
  refused(error: Error): Error
  /** The agent's SVID is on disk: what was spent can be removed. */
  kept(): Promise<void>
}
