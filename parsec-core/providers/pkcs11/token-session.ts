import type { Handle, Mechanism, PKCS11 } from 'pkcs11js'
import { cka, ckm, cko, ckr, cku, readWriteSerialSession } from './cryptoki.js'
import { generatedPublicTemplate, privateTemplates } from './key-templates.js'
import type { FoundKey, KeyLabel, MechanismDescription, NewKey, PublicValue } from './protocol.js'
import { returnValueOf } from './load-cryptoki.js'
import { returned, WorkerFailure } from './worker-failure.js'

const foundAtOnce = 64
/** More than any token has; a bound for a module that never ends its list. */
const maxFound = 65_536

/** CKS_RW_USER_FUNCTIONS. */
const readWriteUserState = 3
/** Tokens have limits of their own for one call. */
const randomAtOnce = 4096
/** Bytes of a signature at most (RSA, 4096 bits). */
const maxSignatureBytes = 512

/** A private key's object handles. */
interface KeyHandles {
  readonly privateKey: Handle
  readonly publicKey: Handle | undefined
}

/**
 * An open token: one session that owns the session objects, and, where more than one is allowed, a second for
 * operations, which can be replaced when one leaves it unusable. Calls of a module run one after the other, so more
 * sessions would wait for the same thread.
 */
export class TokenSession {
  readonly #cryptoki: PKCS11
  readonly #slot: Handle
  readonly #owner: Handle
  #operations: Handle
  #loggedIn = false

  constructor(cryptoki: PKCS11, slot: Handle, maxSessions: number) {
    this.#cryptoki = cryptoki
    this.#slot = slot
    this.#owner = cryptoki.C_OpenSession(slot, readWriteSerialSession)
    this.#operations = this.#owner
    if (maxSessions > 1) this.#replaceOperationSession()
  }

  get cryptoki(): PKCS11 {
    return this.#cryptoki
  }

  /** The session whose objects live as long as the token is open. */
  get owner(): Handle {
    return this.#owner
  }

  mechanisms(): readonly MechanismDescription[] {
    return this.#cryptoki.C_GetMechanismList(this.#slot).map((mechanism) => {
      const { minKeySize, maxKeySize } = this.#cryptoki.C_GetMechanismInfo(this.#slot, mechanism)
      return { mechanism, minKeySize, maxKeySize }
    })
  }

  login(pin: string): void {
    try {
      this.#cryptoki.C_Login(this.#owner, cku.user, pin)
    } catch (error) {
      // Logins are the process', not the session's: another provider of this token was first.
      if (!returned(error, 'CKR_USER_ALREADY_LOGGED_IN')) throw error
    }
    this.#loggedIn = true
  }

  /** Throws when the session is gone, or with nobody logged in. */
  check(): void {
    const { state } = this.#cryptoki.C_GetSessionInfo(this.#owner)
    if (this.#loggedIn && state !== readWriteUserState) {
      throw new WorkerFailure('the login is gone', ckr.CKR_USER_NOT_LOGGED_IN)
    }
  }

  close(): void {
    for (const session of new Set([this.#operations, this.#owner])) {
      try {
        this.#cryptoki.C_CloseSession(session)
      } catch (error) {
        // Whatever the module says, the session is not used again.
        if (returnValueOf(error) === undefined) throw error
      }
    }
  }

  /** The signature, in `output`: how many bytes it has. */
  sign(mechanism: Mechanism, key: Handle, input: Buffer, output: Buffer): number {
    try {
      this.#cryptoki.C_SignInit(this.#operations, mechanism, key)
    } catch (error) {
      if (!returned(error, 'CKR_OPERATION_ACTIVE') || this.#operations === this.#owner) throw error
      // An earlier operation failed halfway and left the session with it.
      this.#replaceOperationSession()
      this.#cryptoki.C_SignInit(this.#operations, mechanism, key)
    }
    return this.#cryptoki.C_Sign(this.#operations, input, output.subarray(0, maxSignatureBytes)).length
  }

  random(size: number): Uint8Array {
    const bytes = Buffer.alloc(size)
    for (let start = 0; start < size; start += randomAtOnce) {
      const part = Buffer.alloc(Math.min(randomAtOnce, size - start))
      bytes.set(this.#cryptoki.C_GenerateRandom(this.#operations, part), start)
    }
    return bytes
  }

  generate(key: NewKey): KeyHandles {
    const mechanism = { mechanism: key.kind === 'ec' ? ckm.ecKeyPairGen : ckm.rsaPkcsKeyPairGen }
    const made = firstAccepted(privateTemplates(key), (template) =>
      this.#cryptoki.C_GenerateKeyPair(this.#owner, mechanism, generatedPublicTemplate(key), template),
    )
    try {
      this.requireSecret(made.privateKey)
    } catch (error) {
      this.destroy(made)
      throw error
    }
    return made
  }

  /** The token may have ignored what it was asked: a key that can be read is none of ours. */
  requireSecret(privateKey: Handle): void {
    const asked = [{ type: cka.sensitive }, { type: cka.extractable }]
    const [sensitive, extractable] = this.#cryptoki.C_GetAttributeValue(this.#owner, privateKey, asked)
    if (isTrue(sensitive?.value) && !isTrue(extractable?.value)) return
    throw new WorkerFailure('the token made a private key that can be read out of it')
  }

  find(id: Uint8Array): KeyHandles | undefined {
    const [privateKey] = this.#findAll(cko.privateKey, id)
    const [publicKey] = this.#findAll(cko.publicKey, id)
    return privateKey && { privateKey, publicKey }
  }

  destroyAll(id: Uint8Array): void {
    const objects = [cko.privateKey, cko.publicKey].flatMap((kind) => this.#findAll(kind, id))
    for (const object of objects) this.#destroyObject(object)
  }

  destroy({ privateKey, publicKey }: KeyHandles): void {
    this.#destroyObject(privateKey)
    if (publicKey) this.#destroyObject(publicKey)
  }

  publicValueOf(publicKey: Handle, kind: NewKey['kind'] = this.#kindOf(publicKey)): PublicValue {
    if (kind === 'ec') {
      const [point] = this.#cryptoki.C_GetAttributeValue(this.#owner, publicKey, [{ type: cka.ecPoint }])
      return { kind, point: bytesOf(point?.value) }
    }
    const asked = [{ type: cka.modulus }, { type: cka.publicExponent }]
    const [modulus, exponent] = this.#cryptoki.C_GetAttributeValue(this.#owner, publicKey, asked)
    return { kind, modulus: bytesOf(modulus?.value), publicExponent: bytesOf(exponent?.value) }
  }

  /** Keys in the token; session objects are nobody's but ours, and known. */
  list(): readonly KeyLabel[] {
    return this.#findAll(cko.privateKey, undefined).map((handle) => {
      const asked = [{ type: cka.id }, { type: cka.label }]
      const [id, label] = this.#cryptoki.C_GetAttributeValue(this.#owner, handle, asked)
      return { id: bytesOf(id?.value), label: Buffer.from(bytesOf(label?.value)).toString('utf8') }
    })
  }

  foundKey(number: number, { publicKey }: KeyHandles): FoundKey {
    return { key: number, publicValue: publicKey && this.publicValueOf(publicKey) }
  }

  #kindOf(key: Handle): NewKey['kind'] {
    const [kind] = this.#cryptoki.C_GetAttributeValue(this.#owner, key, [{ type: cka.keyType }])
    return bytesOf(kind?.value)[0] === 0 ? 'rsa' : 'ec'
  }

  #findAll(kind: number, id: Uint8Array | undefined): Handle[] {
    const template = [
      { type: cka.class, value: kind },
      id === undefined ? { type: cka.token, value: true } : { type: cka.id, value: Buffer.from(id) },
    ]
    const found: Handle[] = []
    this.#cryptoki.C_FindObjectsInit(this.#owner, template)
    try {
      for (;;) {
        const more = this.#cryptoki.C_FindObjects(this.#owner, foundAtOnce)
        found.push(...more)
        if (more.length === 0 || found.length >= maxFound) return found
      }
    } finally {
      this.#cryptoki.C_FindObjectsFinal(this.#owner)
    }
  }

  #destroyObject(object: Handle): void {
    try {
      this.#cryptoki.C_DestroyObject(this.#owner, object)
    } catch (error) {
      if (!returned(error, 'CKR_OBJECT_HANDLE_INVALID')) throw error
    }
  }

  #replaceOperationSession(): void {
    const old = this.#operations
    try {
      this.#operations = this.#cryptoki.C_OpenSession(this.#slot, readWriteSerialSession)
    } catch (error) {
      // The token has no second one to give: everything goes through the first.
      if (!returned(error, 'CKR_SESSION_COUNT')) throw error
      return
    }
    if (old !== this.#owner) this.#cryptoki.C_CloseSession(old)
  }
}

/** What a token says to attributes it does not have. */
const refusedTemplate = [
  'CKR_TEMPLATE_INCONSISTENT',
  'CKR_ATTRIBUTE_TYPE_INVALID',
  'CKR_ATTRIBUTE_VALUE_INVALID',
] as const

export function firstAccepted<Template, Made>(
  templates: readonly Template[],
  make: (template: Template) => Made,
): Made {
  for (const [index, template] of templates.entries()) {
    try {
      return make(template)
    } catch (error) {
      if (index === templates.length - 1 || !returned(error, ...refusedTemplate)) throw error
    }
  }
  throw new WorkerFailure('there is no template', ckr.CKR_TEMPLATE_INCOMPLETE)
}

function isTrue(value: unknown): boolean {
  return bytesOf(value)[0] === 1
}

function bytesOf(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? Uint8Array.from(value) : new Uint8Array()
}
