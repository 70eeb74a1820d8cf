import type { IdentityKey } from '../../../native/index.js'
import { ours, signatureBy, signerOf } from './tunnel-lab.js'

export type Sign = (message: Uint8Array) => Promise<Uint8Array>

/** The key of `ours` behind a function that a test may exchange, and how often it was asked. */
export class JsSigner {
  sign: Sign = (message) => signatureBy(ours.key, message)
  made = 0
  pending = 0

  readonly key: IdentityKey = signerOf(async (message) => {
    this.pending += 1
    try {
      return await this.sign(message)
    } finally {
      this.pending -= 1
      this.made += 1
    }
  })
}
