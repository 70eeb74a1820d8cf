import type { Algorithm } from '../../algorithm.js'

/**
 * What the main thread asks the worker of a module. Closed and small: slots, sessions and object handles never leave
 * the worker; tokens and keys are numbers the worker gave out.
 */
export interface ModuleCalls {
  listTokens: { request: object; answer: readonly TokenDescription[] }
  /** Opens the token's sessions. */
  openToken: { request: { readonly slot: Uint8Array; readonly maxSessions: number }; answer: OpenedToken }
  /** Fails when the token's session is gone, or nobody is logged in. */
  checkToken: { request: { readonly token: number }; answer: void }
  login: { request: { readonly token: number; readonly pin: string }; answer: void }
  /** Closes the sessions; session objects are gone and the key numbers void. */
  closeToken: { request: { readonly token: number }; answer: void }
  generateKey: { request: { readonly token: number; readonly key: NewKey }; answer: FoundKey }
  /** `pkcs8` is moved to the worker, which wipes it. */
  importKey: { request: ImportedKey; answer: { readonly key: number } }
  findKey: { request: { readonly token: number; readonly id: Uint8Array }; answer: FoundKey | undefined }
  /** Destroys the private and the public object of that CKA_ID; none is no error. */
  destroyKey: { request: { readonly token: number; readonly id: Uint8Array }; answer: void }
  /** Every private key in the token, whoever made it. */
  listKeys: { request: { readonly token: number }; answer: readonly KeyLabel[] }
  generateRandom: { request: { readonly token: number; readonly size: number }; answer: Uint8Array }
  /** C_Finalize and C_Initialize: some modules see a token that came back only after it. Closes every token. */
  initializeAgain: { request: object; answer: void }
  /** C_Finalize; the worker ends. */
  finalize: { request: object; answer: void }
}

export type ModuleCallName = keyof ModuleCalls

export interface TokenDescription {
  /** Opaque: CK_SLOT_ID as the module has it. */
  readonly slot: Uint8Array
  readonly label: string
  readonly serial: string
  /** Flags of CK_TOKEN_INFO. */
  readonly flags: number
}

export interface OpenedToken {
  readonly token: number
  /** CK_MECHANISM_TYPE of every mechanism, with its key sizes. */
  readonly mechanisms: readonly MechanismDescription[]
}

export interface MechanismDescription {
  readonly mechanism: number
  readonly minKeySize: number
  readonly maxKeySize: number
}

/** A key to make: what `KeyAttributes` say, in the token's words. */
export interface NewKey {
  readonly kind: 'ec' | 'rsa'
  /** Size of the curve or the modulus. */
  readonly bits: number
  /** DER of the curve's object identifier; empty for RSA. */
  readonly ecParameters: Uint8Array
  readonly id: Uint8Array
  readonly label: string
  /** A token object, or one that is gone with the session. */
  readonly stored: boolean
}

export interface ImportedKey {
  readonly token: number
  readonly key: NewKey
  readonly pkcs8: Uint8Array
  readonly publicValue: PublicValue
}

/** A public key as its object's attributes: CKA_EC_POINT, or modulus and exponent. */
export type PublicValue =
  | { readonly kind: 'ec'; readonly point: Uint8Array }
  | { readonly kind: 'rsa'; readonly modulus: Uint8Array; readonly publicExponent: Uint8Array }

export interface FoundKey {
  readonly key: number
  /** Undefined when the token has the private object and no public one. */
  readonly publicValue: PublicValue | undefined
}

export interface KeyLabel {
  readonly id: Uint8Array
  readonly label: string
}

/** Why a call failed: Cryptoki's return value, or a fault of the worker itself. */
export interface CallFault {
  /** Undefined when no function of the module returned it. */
  readonly returnValue: number | undefined
  /** The function, or the worker's own words. Never a PIN or key bytes. */
  readonly detail: string
}

export interface CallMessage<Name extends ModuleCallName = ModuleCallName> {
  readonly id: number
  readonly name: Name
  readonly request: ModuleCalls[Name]['request']
  /** The epoch it was asked in: what was given up meanwhile is not begun. */
  readonly epoch: number
}

export type WorkerMessage =
  | { readonly kind: 'started'; readonly fault?: CallFault }
  | { readonly kind: 'answered'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly fault: CallFault }
  /** Signatures are ready in the ring. */
  | { readonly kind: 'signed' }

export interface WorkerSettings {
  readonly module: string
  readonly memory: SharedArrayBuffer
}

/** The order is the protocol's: the ring names an algorithm by its index. */
export const ringAlgorithms = [
  'EcdsaSha256',
  'EcdsaSha384',
  'EcdsaSha512',
  'RsaPkcs1v15Sha256',
  'RsaPkcs1v15Sha384',
  'RsaPkcs1v15Sha512',
  'RsaPssSha256',
  'RsaPssSha384',
  'RsaPssSha512',
] as const satisfies readonly Algorithm[]
