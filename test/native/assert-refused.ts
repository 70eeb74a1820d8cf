import assert from 'node:assert/strict'

import { NativeError, verifyX509Svid } from '../../native/index.js'
import type { BundleSetInput, NativeErrorCode } from '../../native/index.js'

/** What a refused chain must be refused with. */
export interface Refusal {
  readonly code: NativeErrorCode
  readonly text: RegExp
}

/** Asserts that `verifyX509Svid` refuses the chain with that code and text. */
export function assertRefused(
  chain: readonly Uint8Array[],
  bundles: BundleSetInput,
  { code, text }: Refusal,
  options: Parameters<typeof verifyX509Svid>[2] = {},
): void {
  assert.throws(
    () => verifyX509Svid(chain, bundles, options),
    (error: unknown) => {
      assert.ok(error instanceof NativeError)
      assert.match(error.message, text)
      assert.equal(error.code, code)
      return true
    },
  )
}
