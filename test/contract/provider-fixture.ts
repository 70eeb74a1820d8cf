import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { TestContext } from 'node:test'
import {
  describeAlgorithm,
  ParsecError,
  ResponseStatus,
  signingKeyAttributes,
  type Algorithm,
  type KeyAttributes,
  type KeyIdentity,
  type OpcodeName,
  type Provider,
  type ResponseStatusName,
  type SigningKeyType,
} from '../../parsec-core/index.js'

/** A provider under judgement, and what its kind of device is known not to do. A gap is declared, never guessed. */
export interface ProviderFixture {
  readonly name: string
  readonly type: string
  /** Why it cannot be judged on this machine; in CI that is a failure. */
  readonly skip?: string
  /** A provider without keys, each time. */
  open(): Promise<Provider>
  /** A place without keys where keys outlive their provider: opened, closed, and opened again. Absent is a gap. */
  readonly openPlace?: () => Promise<{ open(): Promise<Provider> }>
  readonly residency: { readonly generated: string; readonly imported: string }
  readonly unsupported: {
    readonly operations: readonly OpcodeName[]
    readonly keyTypes: readonly SigningKeyType[]
    /** Kinds of keys that are generated and not imported. */
    readonly imports?: readonly SigningKeyType[]
    readonly algorithms: readonly Algorithm[]
  }
  /** Asks the device's own tools about a key: there under that name, not extractable, with that public key. */
  readonly crossCheck?: (provider: Provider, key: KeyIdentity, publicKey: KeyObject) => Promise<void>
}

export const message = Buffer.from('a message to sign')

export async function sign(provider: Provider, key: KeyIdentity, algorithm: Algorithm): Promise<Uint8Array> {
  if (provider.psaSignMessage) return provider.psaSignMessage(key, algorithm, message)
  const hash = createHash(describeAlgorithm(algorithm).hash).update(message).digest()
  if (provider.psaSignHash) return provider.psaSignHash(key, algorithm, hash)
  throw new assert.AssertionError({ message: 'a provider signs something' })
}

export async function openFixture(fixture: ProviderFixture) {
  const provider = await fixture.open()
  return { provider, [Symbol.asyncDispose]: () => provider.close() }
}

export async function openWithKey(fixture: ProviderFixture, key: KeyIdentity, attributes: KeyAttributes) {
  const held = await openFixture(fixture)
  await held.provider.psaGenerateKey?.(key, attributes)
  return held
}

export function identityOf(keyName: string): KeyIdentity {
  return { applicationIdentity: 'contract', keyName }
}

/** RSA keys are slow to make, and any will do. */
const keyPairs = new Map<SigningKeyType, { privateKey: KeyObject; publicKey: KeyObject }>()

export function newKeyPair(type: SigningKeyType): { privateKey: KeyObject; publicKey: KeyObject } {
  const { keyType, keyBits } = signingKeyAttributes(type)
  const pair =
    keyPairs.get(type) ??
    (keyType.kind === 'RsaKeyPair'
      ? generateKeyPairSync('rsa', { modulusLength: keyBits })
      : generateKeyPairSync('ec', { namedCurve: `P-${keyBits}` }))
  keyPairs.set(type, pair)
  return pair
}

export function hasStatus(name: ResponseStatusName): (error: unknown) => boolean {
  return (error) => error instanceof ParsecError && error.status === ResponseStatus[name]
}

export async function assertStatus(operation: Promise<unknown> | undefined, name: ResponseStatusName): Promise<void> {
  assert.ok(operation, 'the provider has the operation')
  await assert.rejects(operation, hasStatus(name))
}

export function tellGaps(context: TestContext, { unsupported, openPlace }: ProviderFixture): void {
  const imports = (unsupported.imports ?? []).map((type) => `import of ${type}`)
  const persistent = openPlace === undefined ? ['persistent keys'] : []
  const gaps = [
    ...unsupported.operations,
    ...unsupported.keyTypes,
    ...imports,
    ...unsupported.algorithms,
    ...persistent,
  ]
  context.diagnostic(gaps.length === 0 ? 'no gaps' : `gaps: ${gaps.join(', ')}`)
}
