import type { BindingBundleSet, BindingIdentity } from './binding.js'
import { crossing, crossingAsync, NativeError } from './errors.js'
import { addon } from './loader.js'
import { type BundleSetInput, bundleList } from './x509-svid.js'

/** Names of RFC 8446 section 4.2.3. In TLS 1.3 an ECDSA scheme fixes the curve too; PKCS #1 serves TLS 1.2 only. */
export type SignatureScheme =
  | 'ecdsa_secp256r1_sha256'
  | 'ecdsa_secp384r1_sha384'
  | 'ecdsa_secp521r1_sha512'
  | 'ed25519'
  | 'rsa_pss_rsae_sha256'
  | 'rsa_pss_rsae_sha384'
  | 'rsa_pss_rsae_sha512'
  | 'rsa_pkcs1_sha256'
  | 'rsa_pkcs1_sha384'
  | 'rsa_pkcs1_sha512'

/**
 * A leaf's key: its PKCS #8 bytes, copied and wiped when dropped (full speed), or a callback for a key that stays where
 * it is. `sign` is given the message, not its hash, and answers with a signature as TLS sends it (ECDSA: DER).
 */
export type IdentityKey =
  | { readonly pkcs8: Uint8Array }
  | {
      readonly schemes: readonly SignatureScheme[]
      sign(scheme: SignatureScheme, message: Uint8Array): Promise<Uint8Array>
    }

const defaultProofTimeoutMs = 10_000

/** Of whatever was thrown; reading it must not throw in its turn, for nobody would catch that. */
function reasonOf(error: unknown): string {
  return error instanceof Error && typeof error.message === 'string'
    ? error.message
    : 'it threw something that is no Error'
}

function prove(chain: readonly Uint8Array[], key: IdentityKey, timeoutMs: number): Promise<BindingIdentity> {
  const binding = addon()
  if ('pkcs8' in key) return binding.provePkcs8([...chain], key.pkcs8)
  const answers = new binding.BindingAnswers()
  const answer = async (question: number, scheme: string, message: Uint8Array): Promise<void> => {
    try {
      // The addon names only schemes that it was given.
      const signature = await key.sign(scheme as SignatureScheme, message)
      if (!(signature instanceof Uint8Array)) throw new TypeError('the signer gave no Uint8Array')
      answers.sign(question, signature)
    } catch (error) {
      answers.fail(question, reasonOf(error))
    }
  }
  const ask = (question: number, scheme: string, message: Uint8Array) => void answer(question, scheme, message)
  return binding.proveSigner([...chain], [...key.schemes], ask, answers, timeoutMs)
}

/** A chain and its key, proved to fit: one signature was made and checked against the leaf. */
export class Identity {
  readonly spiffeId: string
  /** Lower-case hexadecimal. */
  readonly serialNumber: string
  readonly notBefore: Date
  readonly notAfter: Date
  #binding: BindingIdentity | undefined

  private constructor(binding: BindingIdentity) {
    this.#binding = binding
    this.spiffeId = binding.spiffeId
    this.serialNumber = binding.serialNumber
    this.notBefore = new Date(binding.notBefore)
    this.notAfter = new Date(binding.notAfter)
  }

  /**
   * Takes a chain (DER, leaf first) and its key. A signer has `timeoutMs` (10 s) for the proof.
   *
   * @throws {NativeError} `ERR_X509_SVID_…`, `ERR_IDENTITY_INVALID`, `ERR_IDENTITY_KEY_MISMATCH`, `ERR_SIGNER_FAILED`
   */
  static async create(
    chain: readonly Uint8Array[],
    key: IdentityKey,
    options: { readonly timeoutMs?: number } = {},
  ): Promise<Identity> {
    return new Identity(await crossingAsync(() => prove(chain, key, options.timeoutMs ?? defaultProofTimeoutMs)))
  }

  /** Gives this handle up. A tunnel that uses the identity keeps it until it gets another one. */
  close(): void {
    this.#binding = undefined
  }

  /** For a tunnel alone. @internal */
  static bindingOf(identity: Identity): BindingIdentity {
    if (identity.#binding === undefined) throw new NativeError('ERR_CLOSED', 'the identity is closed')
    return identity.#binding
  }
}

/** The bundles of every trust domain that a tunnel trusts, parsed once. */
export class BundleSet {
  readonly trustDomains: readonly string[]
  readonly #binding: BindingBundleSet

  private constructor(binding: BindingBundleSet) {
    this.#binding = binding
    this.trustDomains = binding.trustDomains.toSorted()
  }

  /** @throws {NativeError} `ERR_BUNDLE_INVALID`: a name that is none, or an authority that is no certificate */
  static create(bundles: BundleSetInput): BundleSet {
    return new BundleSet(crossing(() => addon().createBundleSet(bundleList(bundles))))
  }

  /** For a tunnel alone. @internal */
  static bindingOf(bundles: BundleSet): BindingBundleSet {
    return bundles.#binding
  }
}
