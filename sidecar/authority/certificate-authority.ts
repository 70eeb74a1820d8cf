import type { KeyObject } from 'node:crypto'
import type { SigningKeyType } from '../../parsec-core/index.js'
import { JwtBundle, X509Bundle, type JwtSvid, type SpiffeId, type TrustDomain } from '../../workload-api/index.js'
import { hasEnded, nextRotationAt, rotationStep, type RotationStep } from './ca-schedule.js'
import { createAuthorityCertificate, createSvidCertificate } from './certificates.js'
import { AuthorityError } from './errors.js'
import { createJwtSvid } from './jwt-svids.js'
import type { RootKeys } from './root-keys.js'
import { keysOf, liveKeyNames, retired, type JwtRootKey, type Root, type RootStore } from './root.js'

export interface CertificateAuthorityOptions {
  readonly trustDomain: TrustDomain
  readonly caTtlMs: number
  readonly svidTtlMs: number
  readonly keyType: SigningKeyType
  readonly keys: RootKeys
  /** Undefined: each start is a new authority. */
  readonly store: RootStore | undefined
  /** Called after each step of a rotation; must not throw. */
  readonly onStep: (step: RotationStep, roots: readonly Root[]) => void
  /** Called for what went wrong without a caller to tell; must not throw. */
  readonly onTrouble: (message: string, error: unknown) => void
}

export interface IssuedSvid {
  /** DER, leaf first, without the authority. */
  readonly chain: readonly Uint8Array[]
  readonly notBefore: Date
  readonly notAfter: Date
}

export interface JwtSvidRequest {
  readonly id: SpiffeId
  readonly audience: readonly string[]
  readonly hint: string
}

/** A token is valid this long at most: whoever reads one can use it, so it is worth little soon. */
const longestJwtSvidMs = 300_000
/** How long a rotation that failed waits for its next attempt. */
const retryMs = 10_000

/**
 * Signs the SVIDs of one trust domain and rotates its own authority: the next one is published in the bundle well
 * before it signs, the old one stays in it until its own end. Time is an argument everywhere; nothing runs by itself.
 */
export class CertificateAuthority {
  readonly #options: CertificateAuthorityOptions
  readonly #listeners = new Set<() => void>()
  #roots: readonly Root[] = []
  #bundle: X509Bundle | undefined
  #advancing: Promise<void> = Promise.resolve()
  #retryAt = 0

  private constructor(options: CertificateAuthorityOptions) {
    this.#options = options
  }

  /** Throws `AuthorityError` (`ERR_AUTHORITY_STATE`) and `ParsecError`. */
  static async open(options: CertificateAuthorityOptions, now: Date): Promise<CertificateAuthority> {
    const authority = new CertificateAuthority(options)
    try {
      await authority.#begin(now)
      return authority
    } catch (error) {
      options.store?.close()
      throw error
    }
  }

  /** Every authority to verify with, those about to sign included. Throws `ERR_AUTHORITY_CANNOT_SIGN`. */
  get bundle(): X509Bundle {
    if (!this.#bundle) throw cannotSign()
    return this.#bundle
  }

  /** The keys to verify tokens with, those about to sign included. */
  get jwtBundle(): JwtBundle {
    const keys = this.#roots.flatMap(({ jwt }) => (jwt === undefined ? [] : [[jwt.keyId, jwt.publicKey] as const]))
    return JwtBundle.fromJwtAuthorities(this.#options.trustDomain, keys)
  }

  get roots(): readonly Root[] {
    return this.#roots
  }

  /** When `advance` next has something to do. */
  get nextRotationAt(): Date {
    return new Date(Math.max(nextRotationAt(this.#roots).getTime(), this.#retryAt))
  }

  /** Calls `listener` whenever the bundles changed; returns how to stop that. */
  onBundleChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Takes the steps of the rotation that are due. What fails is told to `onTrouble` and tried again later. */
  advance(now: Date): Promise<void> {
    this.#advancing = this.#advancing.then(async () => {
      if (now.getTime() < this.#retryAt) return
      try {
        await this.#takeSteps(now)
      } catch (error) {
        this.#retryAt = now.getTime() + retryMs
        this.#options.onTrouble('the authority could not be rotated', error)
      }
    })
    return this.#advancing
  }

  /** Signs an SVID, which ends no later than its authority. Throws `ERR_AUTHORITY_CANNOT_SIGN` and `ParsecError`. */
  async issue(request: { readonly id: SpiffeId; readonly publicKey: KeyObject }, now: Date): Promise<IssuedSvid> {
    const active = await this.#activeAt(now)
    if (!active.signer) throw cannotSign()
    const notAfter = new Date(Math.min(now.getTime() + this.#options.svidTtlMs, active.notAfter.getTime()))
    const { der, ...validity } = await createSvidCertificate(active.signer, { ...request, notAfter, now })
    return { chain: [der], ...validity }
  }

  /**
   * Signs a token for five minutes or the life of an SVID, whichever is shorter, and no longer than its key is
   * published. Throws `ERR_AUTHORITY_CANNOT_SIGN` and `ParsecError`.
   */
  async issueJwt(request: JwtSvidRequest, now: Date): Promise<JwtSvid> {
    const { jwt, notAfter: end } = await this.#activeAt(now)
    if (!jwt?.signer) throw cannotSign()
    const lifeMs = Math.min(longestJwtSvidMs, this.#options.svidTtlMs)
    const notAfter = new Date(Math.min(now.getTime() + lifeMs, end.getTime()))
    return createJwtSvid(jwt, jwt.signer, { ...request, now, notAfter })
  }

  /** Without a store nothing could use the keys again, so they are destroyed. */
  async close(): Promise<void> {
    await this.#advancing
    if (this.#options.store) this.#options.store.close()
    else await this.#destroyKeys(this.#roots, [])
    this.#roots = []
  }

  /** Takes up what an earlier start left. */
  async #begin(now: Date): Promise<void> {
    const { keys, store, onTrouble, trustDomain } = this.#options
    const stored = (await store?.load()) ?? []
    this.#roots = await Promise.all(stored.map((root) => reopen(this.#options, root)))
    const gained = this.#roots.some(({ jwt }, index) => jwt !== undefined && stored[index]?.jwt === undefined)
    if (gained) await store?.save(this.#roots)
    this.#bundle = bundleOf(trustDomain, this.#roots)
    for (const keyName of keys.strays(this.#roots)) {
      await keys.destroy(keyName).catch((error: unknown) => onTrouble('a left-over key was not destroyed', error))
    }
    await this.#takeSteps(now)
  }

  async #activeAt(now: Date): Promise<Root> {
    await this.advance(now)
    const active = this.#roots.find((root) => root.state === 'active' && root.notAfter > now)
    if (!active) throw cannotSign()
    return active
  }

  async #takeSteps(now: Date): Promise<void> {
    await this.#retireKeyless()
    for (let step = rotationStep(this.#roots, now); step; step = rotationStep(this.#roots, now)) {
      const before = this.#roots
      const after = await this.#rootsAfter(step, now)
      try {
        await this.#options.store?.save(after)
      } catch (error) {
        await this.#destroyKeys(after, before)
        throw error
      }
      this.#roots = after
      this.#retryAt = 0
      await this.#destroyKeys(before, after)
      this.#publish()
      this.#options.onStep(step, after)
    }
  }

  /** A root whose device lost its key signs no more; without this nobody would until its time is over. */
  async #retireKeyless(): Promise<void> {
    const isKeyless = (root: Root) => keysOf(root).some(({ signer }) => signer?.gone?.() !== undefined)
    const before = this.#roots
    if (!before.some(isKeyless)) return
    this.#roots = before.map((root) => (isKeyless(root) ? retired(root) : root))
    this.#options.onTrouble(lostKey, undefined)
    await this.#destroyKeys(before, this.#roots)
  }

  async #rootsAfter(step: RotationStep, now: Date): Promise<readonly Root[]> {
    switch (step) {
      case 'prune':
        return this.#roots.filter((root) => !hasEnded(root, now))
      case 'activate':
        return this.#roots.map((root) => (root.state === 'next' ? { ...root, state: 'active' } : retired(root)))
      case 'create-active':
        return [...this.#roots, await this.#createRoot('active', now)]
      case 'create-next':
        return [...this.#roots, await this.#createRoot('next', now)]
    }
  }

  async #createRoot(state: 'active' | 'next', now: Date): Promise<Root> {
    const { keys, keyType, trustDomain, caTtlMs } = this.#options
    const { ca, jwt } = await keys.generatePair(keyType)
    const notAfter = new Date(now.getTime() + caTtlMs)
    const certificate = await createAuthorityCertificate(ca.signer, { trustDomain, notAfter, now })
    return { ...ca, jwt, state, createdAt: now, certificate: certificate.der, notAfter: certificate.notAfter }
  }

  /** Destroys the keys `from` has and `to` has no longer. A key that stays behind signs nothing, so it is only told. */
  async #destroyKeys(from: readonly Root[], to: readonly Root[]): Promise<void> {
    const kept = new Set(liveKeyNames(to))
    for (const keyName of liveKeyNames(from)) {
      if (kept.has(keyName)) continue
      await this.#options.keys
        .destroy(keyName)
        .catch((error: unknown) => this.#options.onTrouble('the key of a retired authority was not destroyed', error))
    }
  }

  #publish(): void {
    const bundle = bundleOf(this.#options.trustDomain, this.#roots)
    const same = bundle && this.#bundle?.equals(bundle)
    this.#bundle = bundle
    if (same) return
    for (const listener of this.#listeners) listener()
  }
}

const lostKey = 'the provider no longer has the key of an authority: a new authority takes its place'

/** Without its keys a root signs no more, but what it signed stays good. */
async function reopen({ keys, keyType, onTrouble }: CertificateAuthorityOptions, root: Root): Promise<Root> {
  if (root.state === 'retired') return root
  const signer = await keys.find(root.keyName)
  // A state of a version before tokens has no key for them.
  const jwt = root.jwt === undefined ? signer && (await keys.generateJwt(keyType)) : await reopenJwt(keys, root.jwt)
  if (signer && jwt) return { ...root, signer, jwt }
  onTrouble(lostKey, undefined)
  return retired(root)
}

async function reopenJwt(keys: RootKeys, jwt: JwtRootKey): Promise<JwtRootKey | undefined> {
  const signer = await keys.find(jwt.keyName)
  return signer && { ...jwt, signer }
}

function bundleOf(trustDomain: TrustDomain, roots: readonly Root[]): X509Bundle | undefined {
  if (roots.length === 0) return undefined
  return X509Bundle.parse(trustDomain, Buffer.concat(roots.map((root) => root.certificate)))
}

function cannotSign(): AuthorityError {
  return new AuthorityError('ERR_AUTHORITY_CANNOT_SIGN', 'no authority of the trust domain can sign at the moment')
}
