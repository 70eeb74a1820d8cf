import type { Handle, Mechanism, PKCS11 } from 'pkcs11js'
import { ckr, osLockingOk } from './cryptoki.js'
import { KeyImport } from './key-import.js'
import { signingMechanismOf } from './mechanisms.js'
import { ringAlgorithms, type FoundKey, type ImportedKey, type ModuleCallName, type ModuleCalls } from './protocol.js'
import { TokenSession } from './token-session.js'
import { returned, WorkerFailure } from './worker-failure.js'

interface OpenToken {
  readonly session: TokenSession
  readonly keyImport: KeyImport
}

interface OpenKey {
  readonly token: number
  /** Its CKA_ID, in hexadecimal. */
  readonly id: string
  readonly session: TokenSession
  readonly privateKey: Handle
}

type Handlers = {
  readonly [Name in ModuleCallName]: (request: ModuleCalls[Name]['request']) => ModuleCalls[Name]['answer']
}

/** The calls of the protocol over one module: numbers outside, handles inside. */
export class ModuleCallsHandler {
  readonly #cryptoki: PKCS11
  readonly #module: string
  readonly #mechanisms: readonly Mechanism[] = ringAlgorithms.map((algorithm) => signingMechanismOf(algorithm))
  readonly #tokens = new Map<number, OpenToken>()
  readonly #keys = new Map<number, OpenKey>()
  #lastNumber = 0
  #running = true

  constructor(cryptoki: PKCS11, module: string) {
    this.#cryptoki = cryptoki
    this.#module = module
  }

  get running(): boolean {
    return this.#running
  }

  start(): void {
    this.#cryptoki.load(this.#module)
    this.#initialize()
  }

  /** `wanted: false`: the caller has given up, so nothing is begun. */
  call<Name extends ModuleCallName>(name: Name, request: ModuleCalls[Name]['request'], wanted: boolean): unknown {
    if (!wanted) throw new WorkerFailure('given up before it was begun', ckr.CKR_FUNCTION_CANCELED)
    const handler: Handlers[Name] = this.#handlers[name]
    return handler(request)
  }

  /** How many bytes of `output` are the signature. */
  sign(key: number, algorithm: number, input: Buffer, output: Buffer): number {
    const open = this.#keys.get(key)
    const mechanism = this.#mechanisms[algorithm]
    if (!open) throw new WorkerFailure('no such key', ckr.CKR_KEY_HANDLE_INVALID)
    if (!mechanism) throw new WorkerFailure('no such algorithm', ckr.CKR_MECHANISM_INVALID)
    return open.session.sign(mechanism, open.privateKey, input, output)
  }

  readonly #handlers: Handlers = {
    listTokens: () =>
      this.#cryptoki.C_GetSlotList(true).map((slot) => {
        const { label, serialNumber, flags } = this.#cryptoki.C_GetTokenInfo(slot)
        return { slot: Uint8Array.from(slot), label: padded(label), serial: padded(serialNumber), flags }
      }),
    openToken: ({ slot, maxSessions }) => {
      const session = new TokenSession(this.#cryptoki, Buffer.from(slot), maxSessions)
      const token = this.#nextNumber()
      this.#tokens.set(token, { session, keyImport: new KeyImport(session) })
      return { token, mechanisms: session.mechanisms() }
    },
    checkToken: ({ token }) => this.#token(token).session.check(),
    login: ({ token, pin }) => this.#token(token).session.login(pin),
    closeToken: ({ token }) => this.#closeToken(token),
    generateKey: ({ token, key }) => {
      const { session } = this.#token(token)
      const made = session.generate(key)
      const found = session.foundKey(this.#addKey(token, key.id, made.privateKey), made)
      // Session objects cost the token memory, and this public key is known by now.
      if (!key.stored && made.publicKey) this.#cryptoki.C_DestroyObject(session.owner, made.publicKey)
      return found
    },
    importKey: (request) => this.#importKey(request),
    findKey: ({ token, id }) => this.#findKey(token, id),
    destroyKey: ({ token, id }) => {
      this.#token(token).session.destroyAll(id)
      const number = this.#numberOf(token, hex(id))
      if (number !== undefined) this.#keys.delete(number)
    },
    listKeys: ({ token }) => this.#token(token).session.list(),
    generateRandom: ({ token, size }) => this.#token(token).session.random(size),
    initializeAgain: () => {
      this.#closeAll()
      this.#cryptoki.C_Finalize()
      this.#initialize()
    },
    finalize: () => {
      this.#running = false
      this.#closeAll()
      this.#cryptoki.C_Finalize()
    },
  }

  #initialize(): void {
    try {
      this.#cryptoki.C_Initialize({ flags: osLockingOk })
    } catch (error) {
      // An earlier worker of this process ended without finalising it.
      if (!returned(error, 'CKR_CRYPTOKI_ALREADY_INITIALIZED')) throw error
    }
  }

  #importKey(request: ImportedKey): { readonly key: number } {
    const { token, key, pkcs8 } = request
    try {
      return { key: this.#addKey(token, key.id, this.#token(token).keyImport.import(request)) }
    } finally {
      pkcs8.fill(0)
    }
  }

  #findKey(token: number, id: Uint8Array): FoundKey | undefined {
    const { session } = this.#token(token)
    const found = session.find(id)
    return found && session.foundKey(this.#addKey(token, id, found.privateKey), found)
  }

  #token(number: number): OpenToken {
    const token = this.#tokens.get(number)
    if (!token) throw new WorkerFailure('the token is not open', ckr.CKR_SESSION_CLOSED)
    return token
  }

  /** A key found again keeps its number. */
  #addKey(token: number, id: Uint8Array, privateKey: Handle): number {
    const open = { token, id: hex(id), session: this.#token(token).session, privateKey }
    const number = this.#numberOf(token, open.id) ?? this.#nextNumber()
    this.#keys.set(number, open)
    return number
  }

  #numberOf(token: number, id: string): number | undefined {
    for (const [number, key] of this.#keys) if (key.token === token && key.id === id) return number
    return undefined
  }

  #closeToken(number: number): void {
    const token = this.#tokens.get(number)
    this.#tokens.delete(number)
    for (const [key, open] of this.#keys) if (open.token === number) this.#keys.delete(key)
    token?.keyImport.close()
    token?.session.close()
  }

  #closeAll(): void {
    for (const number of this.#tokens.keys()) this.#closeToken(number)
  }

  #nextNumber(): number {
    this.#lastNumber += 1
    return this.#lastNumber
  }
}

function hex(id: Uint8Array): string {
  return Buffer.from(id).toString('hex')
}

/** Cryptoki's strings have a fixed length, filled with blanks; some modules fill with zeros. */
function padded(text: string): string {
  return text.replace(/[\0 ]+$/u, '')
}
