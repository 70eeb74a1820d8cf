import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { constants, createHash, generateKeyPairSync, verify, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import {
  describeAlgorithm,
  generatePrivateKey,
  importPrivateKey,
  opcodesOf,
  Opcode,
  ParsecError,
  ResponseStatus,
  signingKeyAttributes,
  signingKeyTypes,
  type Algorithm,
  type KeyAttributes,
  type KeyIdentity,
  type OpcodeName,
  type Provider,
  type ResponseStatusName,
  type Signer,
  type SigningKeyType,
} from '../../parsec-core/index.js'

/** A provider under judgement, and what its kind of device is known not to do. A gap is declared, never guessed. */
export interface ProviderFixture {
  readonly name: string
  readonly type: string
  open(): Promise<Provider>
  readonly residency: { readonly generated: string; readonly imported: string }
  readonly unsupported: {
    readonly operations: readonly OpcodeName[]
    readonly keyTypes: readonly SigningKeyType[]
    readonly algorithms: readonly Algorithm[]
  }
}

const message = Buffer.from('a message to sign')

/** The specification of a provider: every kind passes it, whatever its keys are made of. */
export function providerContract(fixture: ProviderFixture): void {
  describe(`provider ${fixture.name}`, () => {
    const { unsupported } = fixture
    const keyTypes = signingKeyTypes.filter((type) => !unsupported.keyTypes.includes(type))

    test('has exactly the operations its fixture does not declare as gaps', async (context) => {
      await using held = await openFixture(fixture)
      tellGaps(context, fixture)
      const expected = (Object.keys(Opcode) as OpcodeName[]).filter((name) => !unsupported.operations.includes(name))
      assert.deepEqual(
        [...opcodesOf(held.provider)].sort((a, b) => a - b),
        expected.map((name) => Opcode[name]).sort((a, b) => a - b),
      )
    })

    for (const type of keyTypes) {
      test(`generates ${type}, and node:crypto and openssl verify what it signs`, async () => {
        await using held = await openFixture(fixture)
        const key = identityOf(type)
        const signer = await generatePrivateKey(held.provider, key, type)
        assert.equal(signer.residency, fixture.residency.generated)
        await assertSigns(signer, unsupported.algorithms)
        await assertVerifies(held.provider, key, signer)
        await assertSignsHashes(held.provider, key, signer)
      })

      test(`imports ${type}: the public key is that of the key given, and its signatures are that key's`, async () => {
        await using held = await openFixture(fixture)
        const { privateKey, publicKey } = newKeyPair(type)
        const signer = await importPrivateKey(held.provider, identityOf(type), privateKey)
        assert.ok(signer.publicKey.equals(publicKey))
        assert.equal(signer.residency, fixture.residency.imported)
        await assertSigns(signer, unsupported.algorithms)
      })
    }

    for (const type of unsupported.keyTypes) {
      test(`refuses ${type}, which its device lacks`, async () => {
        await using held = await openFixture(fixture)
        const generate = held.provider.psaGenerateKey?.(identityOf(type), signingKeyAttributes(type))
        await assertStatus(generate, 'PsaErrorNotSupported')
      })
    }

    policyContract(fixture)
    namingContract(fixture)
    importContract(fixture)
  })
}

function policyContract(fixture: ProviderFixture): void {
  const key = identityOf('policy')

  test('refuses to sign with an algorithm the policy does not permit', async () => {
    await using held = await openWithKey(fixture, key, signingKeyAttributes('ec-p256'))
    await assertStatus(sign(held.provider, key, 'EcdsaSha384'), 'PsaErrorNotPermitted')
  })

  test('refuses to sign with a key that may only verify', async () => {
    const attributes = { ...signingKeyAttributes('ec-p256'), usageFlags: ['verifyHash'] as const }
    await using held = await openWithKey(fixture, key, attributes)
    await assertStatus(sign(held.provider, key, 'EcdsaSha256'), 'PsaErrorNotPermitted')
  })

  test('lets a key that may sign hashes sign messages, and not the other way round', async (context) => {
    const both = { ...signingKeyAttributes('ec-p256'), usageFlags: ['signHash'] as const }
    await using hashes = await openWithKey(fixture, key, both)
    if (hashes.provider.psaSignMessage) await hashes.provider.psaSignMessage(key, 'EcdsaSha256', message)
    else context.diagnostic('has no PsaSignMessage')
    const messages = { ...signingKeyAttributes('ec-p256'), usageFlags: ['signMessage'] as const }
    await using only = await openWithKey(fixture, key, messages)
    const hash = createHash('sha256').update(message).digest()
    if (only.provider.psaSignHash) {
      await assertStatus(only.provider.psaSignHash(key, 'EcdsaSha256', hash), 'PsaErrorNotPermitted')
    } else context.diagnostic('has no PsaSignHash')
  })

  test('refuses a hash of another length than the algorithm has', async (context) => {
    await using held = await openWithKey(fixture, key, signingKeyAttributes('ec-p256'))
    if (!held.provider.psaSignHash) return context.diagnostic('has no PsaSignHash')
    await assertStatus(held.provider.psaSignHash(key, 'EcdsaSha256', Buffer.alloc(31)), 'PsaErrorInvalidArgument')
  })

  test('does not export a private key whose usage flags lack "export"', async (context) => {
    await using held = await openWithKey(fixture, key, signingKeyAttributes('ec-p256'))
    if (!held.provider.psaExportKey) return context.diagnostic('has no PsaExportKey')
    await assertStatus(held.provider.psaExportKey(key), 'PsaErrorNotPermitted')
  })
}

function namingContract(fixture: ProviderFixture): void {
  const key = identityOf('name')
  const attributes = signingKeyAttributes('ec-p256')

  test('refuses a second key of the same name, and of two made at once one', async () => {
    await using held = await openFixture(fixture)
    const made = await Promise.allSettled([
      held.provider.psaGenerateKey?.(key, attributes),
      held.provider.psaGenerateKey?.(key, attributes),
    ])
    assert.deepEqual(made.map((one) => one.status).sort(), ['fulfilled', 'rejected'])
    await assertStatus(held.provider.psaGenerateKey?.(key, attributes), 'PsaErrorAlreadyExists')
  })

  test('keeps the keys of two applications apart, whatever their names', async () => {
    await using held = await openFixture(fixture)
    const one = await generatePrivateKey(held.provider, { applicationIdentity: 'a', keyName: 'b/c' }, 'ec-p256')
    const other = await generatePrivateKey(held.provider, { applicationIdentity: 'a/b', keyName: 'c' }, 'ec-p256')
    assert.ok(!one.publicKey.equals(other.publicKey))
  })

  test('lists its keys with attributes, origin and residency', async () => {
    await using held = await openWithKey(fixture, key, attributes)
    assert.deepEqual(held.provider.listKeys(), [
      { identity: key, attributes, origin: 'generated', residency: fixture.residency.generated },
    ])
  })

  test('knows a destroyed key no longer, and gives its name away again', async () => {
    await using held = await openWithKey(fixture, key, attributes)
    await held.provider.psaDestroyKey?.(key)
    await assertStatus(sign(held.provider, key, 'EcdsaSha256'), 'PsaErrorDoesNotExist')
    assert.throws(() => held.provider.keyInfo(key), hasStatus('PsaErrorDoesNotExist'))
    await assertStatus(held.provider.psaDestroyKey?.(key), 'PsaErrorDoesNotExist')
    await held.provider.psaGenerateKey?.(key, attributes)
  })

  test('holds nothing and makes nothing once it is closed', async () => {
    const provider = await fixture.open()
    await provider.psaGenerateKey?.(key, attributes)
    await provider.close()
    await provider.close()
    assert.deepEqual(provider.listKeys(), [])
    assert.throws(() => provider.keyInfo(key), hasStatus('PsaErrorBadState'))
    await assertStatus(provider.psaGenerateKey?.(key, attributes), 'PsaErrorBadState')
  })

  test('refuses an empty name and one of more than 1024 bytes', async () => {
    await using held = await openFixture(fixture)
    for (const keyName of ['', 'ä'.repeat(513)]) {
      const generate = held.provider.psaGenerateKey?.({ applicationIdentity: 'a', keyName }, attributes)
      await assertStatus(generate, 'PsaErrorInvalidArgument')
    }
  })
}

function importContract(fixture: ProviderFixture): void {
  test('refuses an import of no bytes, garbage, or a key of another size', async (context) => {
    await using held = await openFixture(fixture)
    if (!held.provider.psaImportKey) return context.diagnostic('has no PsaImportKey')
    for (const type of ['ec-p256', 'rsa-2048'] as const) {
      for (const data of [Buffer.alloc(0), Buffer.alloc(32), Buffer.alloc(31, 1), Buffer.alloc(48, 1)]) {
        const imported = held.provider.psaImportKey(identityOf('bad'), signingKeyAttributes(type), data)
        await assertStatus(imported, 'PsaErrorInvalidArgument')
      }
    }
    assert.deepEqual(held.provider.listKeys(), [])
  })

  test('leaves the bytes of an imported key to its caller, unchanged', async (context) => {
    await using held = await openFixture(fixture)
    if (!held.provider.psaImportKey) return context.diagnostic('has no PsaImportKey')
    const data = Buffer.alloc(32, 7)
    await held.provider.psaImportKey(identityOf('mine'), signingKeyAttributes('ec-p256'), data)
    assert.deepEqual(data, Buffer.alloc(32, 7))
  })

  test('gives random bytes, as many as asked, and refuses a size that is none', async (context) => {
    await using held = await openFixture(fixture)
    if (!held.provider.psaGenerateRandom) return context.diagnostic('has no PsaGenerateRandom')
    assert.equal((await held.provider.psaGenerateRandom(1000)).length, 1000)
    assert.notDeepEqual(await held.provider.psaGenerateRandom(32), await held.provider.psaGenerateRandom(32))
    for (const size of [-1, 0.5, 1e9]) {
      await assertStatus(held.provider.psaGenerateRandom(size), 'PsaErrorInvalidArgument')
    }
  })
}

/** Checked twice by programs that are not ours, since a wrong encoding could be wrong on both sides of one. */
async function assertSigns(signer: Signer, unsupported: readonly Algorithm[]): Promise<void> {
  for (const algorithm of signer.algorithms) {
    if (unsupported.includes(algorithm)) continue
    const signature = await signer.sign(algorithm, message)
    assert.ok(verifiesInNode(signer.publicKey, algorithm, signature), `node:crypto refuses ${algorithm}`)
    assert.ok(verifiesInOpenssl(signer.publicKey, algorithm, signature), `openssl refuses ${algorithm}`)
  }
}

async function assertVerifies(provider: Provider, key: KeyIdentity, signer: Signer): Promise<void> {
  const [algorithm] = signer.algorithms
  assert.ok(algorithm !== undefined)
  if (!provider.psaVerifyMessage) return
  const signature = await sign(provider, key, algorithm)
  await provider.psaVerifyMessage(key, algorithm, message, signature)
  const forged = Uint8Array.from(signature)
  forged[8]! ^= 1
  await assertStatus(provider.psaVerifyMessage(key, algorithm, message, forged), 'PsaErrorInvalidSignature')
}

/** A signature over the hash is one over the message, whoever hashed it, and the other way round. */
async function assertSignsHashes(provider: Provider, key: KeyIdentity, signer: Signer): Promise<void> {
  for (const algorithm of signer.algorithms) {
    const hash = createHash(describeAlgorithm(algorithm).hash).update(message).digest()
    if (provider.psaSignHash) {
      const signature = await provider.psaSignHash(key, algorithm, hash)
      await provider.psaVerifyMessage?.(key, algorithm, message, signature)
    }
    if (!provider.psaVerifyHash) continue
    const signature = await sign(provider, key, algorithm)
    await provider.psaVerifyHash(key, algorithm, hash, signature)
    const other = createHash(describeAlgorithm(algorithm).hash).update('another message').digest()
    await assertStatus(provider.psaVerifyHash(key, algorithm, other, signature), 'PsaErrorInvalidSignature')
  }
}

function verifiesInNode(publicKey: KeyObject, algorithm: Algorithm, signature: Uint8Array): boolean {
  const { hash, scheme, hashLength } = describeAlgorithm(algorithm)
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: hashLength }
  return verify(hash, message, { key: publicKey, ...(scheme === 'rsa-pss' && pss) }, signature)
}

function verifiesInOpenssl(publicKey: KeyObject, algorithm: Algorithm, signature: Uint8Array): boolean {
  const { hash, scheme } = describeAlgorithm(algorithm)
  const folder = mkdtempSync(join(tmpdir(), 'svidecar-signature-'))
  const file = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const pss = scheme === 'rsa-pss' ? ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest'] : []
  const key = file('key.pem', publicKey.export({ type: 'spki', format: 'pem' }))
  const args = ['dgst', `-${hash}`, '-verify', key, '-signature', file('signature', signature), ...pss]
  try {
    execFileSync('openssl', [...args, file('message', message)], { stdio: 'pipe' })
    return true
  } catch {
    return false
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function sign(provider: Provider, key: KeyIdentity, algorithm: Algorithm): Promise<Uint8Array> {
  if (provider.psaSignMessage) return provider.psaSignMessage(key, algorithm, message)
  const hash = createHash(describeAlgorithm(algorithm).hash).update(message).digest()
  if (provider.psaSignHash) return provider.psaSignHash(key, algorithm, hash)
  throw new assert.AssertionError({ message: 'a provider signs something' })
}

async function openFixture(fixture: ProviderFixture) {
  const provider = await fixture.open()
  return { provider, [Symbol.asyncDispose]: () => provider.close() }
}

async function openWithKey(fixture: ProviderFixture, key: KeyIdentity, attributes: KeyAttributes) {
  const held = await openFixture(fixture)
  await held.provider.psaGenerateKey?.(key, attributes)
  return held
}

function identityOf(keyName: string): KeyIdentity {
  return { applicationIdentity: 'contract', keyName }
}

/** RSA keys are slow to make, and any will do. */
const keyPairs = new Map<SigningKeyType, { privateKey: KeyObject; publicKey: KeyObject }>()

function newKeyPair(type: SigningKeyType): { privateKey: KeyObject; publicKey: KeyObject } {
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

function tellGaps(context: TestContext, { unsupported }: ProviderFixture): void {
  const gaps = [...unsupported.operations, ...unsupported.keyTypes, ...unsupported.algorithms]
  context.diagnostic(gaps.length === 0 ? 'no gaps' : `gaps: ${gaps.join(', ')}`)
}
