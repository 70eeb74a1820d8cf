import { createRequire } from 'node:module'
import type { PKCS11 } from 'pkcs11js'

interface Pkcs11js {
  readonly PKCS11: new () => PKCS11
}

/** pkcs11js, at the first call: only the worker and the probe ever load it. */
export function newCryptoki(): PKCS11 {
  const pkcs11js = createRequire(import.meta.url)('./pkcs11js/index.cjs') as Pkcs11js
  return new pkcs11js.PKCS11()
}

/** CK_RV of an error pkcs11js threw; undefined for one that no function of the module returned. */
export function returnValueOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  if ('code' in error && typeof error.code === 'number') return error.code === 0 ? undefined : error.code
  // Its C_FindObjects alone throws what the addon throws: the name and the number as text.
  const [, digits] = /^\w+:(\d+)/u.exec(error.message) ?? []
  return digits === undefined ? undefined : Number(digits)
}
