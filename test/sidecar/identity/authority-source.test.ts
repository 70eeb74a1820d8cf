import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openMemoryProvider, type Provider } from '../../../parsec-core/index.js'
import { parseSpiffeId, verifyX509Svid } from '../../../workload-api/index.js'
import type { AuthorityConfig, AuthorityIdentityConfig } from '../../../sidecar/config/index.js'
import { AuthoritySource } from '../../../sidecar/identity/authority-source.js'
import type { IdentityEvent, IdentityUpdate } from '../../../sidecar/identity/identity-source.js'
import { openAuthority, ownUid, temporaryFolder, writeRegistrations } from '../authority/authority-fixture.js'

const id = 'spiffe://lab.test/a'

/** A source under test with everything it told; ends with its scope. */
async function openSource(folder: string, overrides: Partial<AuthorityIdentityConfig> = {}, requestTimeoutMs = 5000) {
  const provider = await openMemoryProvider('identity keys')
  const events: IdentityEvent[] = []
  const woken: (() => void)[] = []
  const config: AuthorityIdentityConfig = {
    source: 'authority',
    name: 'lab',
    spiffeId: id,
    hint: undefined,
    keyProvider: undefined,
    authorityAddress: `unix:${join(folder, 'authority.sock')}`,
    keyType: 'ec-p256',
    keyRotation: 'new',
    ...overrides,
  }
  const onEvent = (event: IdentityEvent) => {
    events.push(event)
    for (const wake of woken.splice(0)) wake()
  }
  const source = new AuthoritySource(config, { provider, onEvent, requestTimeoutMs })
  const stop = new AbortController()
  const iterator = source.updates(stop.signal)[Symbol.asyncIterator]()
  const close = async () => {
    stop.abort()
    await iterator.return()
  }
  return {
    provider,
    events,
    stop,
    next: () => nextUpdate(iterator),
    nextEvent: () => new Promise<void>((resolve) => woken.push(resolve)),
    end: () => iterator.next(),
    [Symbol.asyncDispose]: close,
  }
}

async function nextUpdate(iterator: AsyncIterator<IdentityUpdate, void>): Promise<IdentityUpdate> {
  const { value } = await iterator.next()
  assert.ok(value, 'the source ended')
  return value
}

function serialOf({ chain }: IdentityUpdate): string {
  assert.ok(chain[0])
  return new X509Certificate(chain[0]).serialNumber
}

function keyNames(provider: Provider): readonly string[] {
  return provider.listKeys().map((key) => key.identity.keyName)
}

/** Starts an authority in a process of its own and waits until it serves. */
async function startAuthority(folder: string, overrides: Partial<AuthorityConfig> = {}): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('../authority/authority-process.js', import.meta.url))
  const child = spawn(process.execPath, [script, folder, JSON.stringify(overrides)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  assert.ok(child.stdout)
  await once(child.stdout, 'data')
  return child
}

async function endProcess(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

test('an identity is a verified chain, a signer whose key fits it, the bundle and the hint', async () => {
  using folder = temporaryFolder()
  const registrationFile = writeRegistrations(folder.path, [{ uid: ownUid, ids: [id], hint: 'the one' }])
  await using lab = await openAuthority(folder.path, { registrationFile })
  await using source = await openSource(folder.path)
  const update = await source.next()
  assert.equal(verifyX509Svid(update.chain, update.bundles).id, parseSpiffeId(id))
  assert.ok(update.chain[0])
  assert.ok(new X509Certificate(update.chain[0]).publicKey.equals(update.signer.publicKey))
  assert.equal(update.hint, 'the one')
  assert.equal(update.signer.residency, 'software')
  assert.equal(lab.authority.status().issued, 1)
})

test('an SVID is renewed about half through its life, each with a key of its own', async () => {
  using folder = temporaryFolder()
  await using lab = await openAuthority(folder.path, { svidTtlMs: 2000 })
  await using source = await openSource(folder.path)
  const first = await source.next()
  const second = await source.next()
  assert.ok(lab)
  assert.notEqual(serialOf(first), serialOf(second))
  assert.ok(!first.signer.publicKey.equals(second.signer.publicKey))
  const secondLeaf = second.chain[0]
  assert.ok(secondLeaf && first.chain[0])
  assert.ok(new Date(new X509Certificate(first.chain[0]).validTo).getTime() > Date.now(), 'renewed before the end')
})

test('the key before the current one can still sign: a handshake may have begun with it', async () => {
  using folder = temporaryFolder()
  await using lab = await openAuthority(folder.path, { svidTtlMs: 1500 })
  await using source = await openSource(folder.path)
  const first = await source.next()
  await source.next()
  assert.ok(lab)
  assert.ok((await first.signer.sign('EcdsaSha256', Buffer.from('x'))).length > 0)
  assert.equal(source.provider.listKeys().length, 2)
})

test('with key_rotation = "reuse" every SVID is for the same key, and that key outlives the source', async () => {
  using folder = temporaryFolder()
  await using lab = await openAuthority(folder.path, { svidTtlMs: 1500 })
  const source = await openSource(folder.path, { keyRotation: 'reuse' })
  const first = await source.next()
  const second = await source.next()
  assert.ok(lab)
  assert.ok(first.signer.publicKey.equals(second.signer.publicKey))
  assert.notEqual(serialOf(first), serialOf(second))
  await source[Symbol.asyncDispose]()
  assert.equal(source.provider.listKeys().length, 1)
})

test('when a source ends its keys are destroyed, and keys an earlier process left are destroyed when it begins', async () => {
  using folder = temporaryFolder()
  await using lab = await openAuthority(folder.path)
  const source = await openSource(folder.path)
  const { attributes } = await firstKey(source)
  const stray = { applicationIdentity: 'svidecar/identity/lab', keyName: 'of-another-process' }
  const foreign = { applicationIdentity: 'svidecar/identity/other', keyName: 'of-another-identity' }
  await source.provider.psaGenerateKey?.(stray, attributes)
  await source.provider.psaGenerateKey?.(foreign, attributes)
  await source[Symbol.asyncDispose]()
  assert.ok(lab)
  assert.deepEqual(keyNames(source.provider), ['of-another-process', 'of-another-identity'])
  const again = new AuthoritySource(
    {
      source: 'authority',
      name: 'lab',
      spiffeId: id,
      hint: undefined,
      keyProvider: undefined,
      authorityAddress: `unix:${join(folder.path, 'authority.sock')}`,
      keyType: 'ec-p256',
      keyRotation: 'new',
    },
    { provider: source.provider, onEvent: () => undefined },
  )
  const stop = new AbortController()
  for await (const update of again.updates(stop.signal)) {
    assert.ok(update)
    assert.ok(!keyNames(source.provider).includes('of-another-process'))
    assert.ok(keyNames(source.provider).includes('of-another-identity'))
    stop.abort()
  }
})

async function firstKey(source: Awaited<ReturnType<typeof openSource>>) {
  await source.next()
  const [key] = source.provider.listKeys()
  assert.ok(key)
  return key
}

test('without an authority it says where it looked, tries again, and succeeds once there is one', async () => {
  using folder = temporaryFolder()
  await using source = await openSource(folder.path)
  const update = source.next()
  await source.nextEvent()
  const [event] = source.events
  assert.equal(event?.kind, 'waiting')
  assert.match(event?.advice ?? '', /no authority answers at unix:\/\/.*authority\.sock: is it running/u)
  assert.ok((event?.retryInMs ?? 0) > 0)
  await using lab = await openAuthority(folder.path)
  assert.ok(lab)
  assert.ok((await update).chain.length > 0)
  assert.equal(source.provider.listKeys().length, 1, 'no key is left of the attempts that failed')
})

test('an ID that is not registered is waited for, and had as soon as it is registered', async () => {
  using folder = temporaryFolder()
  const registrationFile = writeRegistrations(folder.path, [{ uid: ownUid, ids: ['spiffe://lab.test/other'] }])
  await using lab = await openAuthority(folder.path, { registrationFile })
  await using source = await openSource(folder.path)
  const update = source.next()
  await source.nextEvent()
  assert.equal(source.events[0]?.kind, 'waiting')
  assert.match(source.events[0]?.advice ?? '', /register uid \d+ for spiffe:\/\/lab\.test\/a/u)
  writeRegistrations(folder.path, [{ uid: ownUid, ids: [id] }])
  await lab.authority.reload()
  assert.ok((await update).chain.length > 0)
})

test('the same trouble is told once, not at every attempt', async () => {
  using folder = temporaryFolder()
  await using source = await openSource(folder.path)
  const update = source.next()
  await source.nextEvent()
  // Several attempts fit in before the authority comes: the first pauses are 200 and 400 ms.
  await new Promise((resolve) => setTimeout(resolve, 1000))
  await using lab = await openAuthority(folder.path)
  await update
  assert.ok(lab)
  assert.equal(source.events.length, 1)
})

test('an authority stopped past the end of the SVID is told as one that does not answer, and is asked on once it goes on', async () => {
  using folder = temporaryFolder()
  const child = await startAuthority(folder.path, { svidTtlMs: 2000 })
  try {
    await using source = await openSource(folder.path, {}, 500)
    const first = await source.next()
    child.kill('SIGSTOP')
    const update = source.next()
    await source.nextEvent()
    assert.match(source.events[0]?.advice ?? '', /does not answer: is it stopped or overloaded/u)
    const end = Date.parse(new X509Certificate(first.chain[0] ?? '').validTo)
    await new Promise((resolve) => setTimeout(resolve, end - Date.now()))
    const continued = Date.now()
    child.kill('SIGCONT')
    assert.notEqual(serialOf(await update), serialOf(first))
    assert.ok(Date.now() - continued < 5000, 'back within moments')
    assert.equal(source.events.length, 1, 'told once')
  } finally {
    child.kill('SIGCONT')
    await endProcess(child)
  }
})

test('an authority that starts anew, with another CA, is asked at once and its bundle takes the place of the old', async () => {
  using folder = temporaryFolder()
  const child = await startAuthority(folder.path)
  await using source = await openSource(folder.path)
  const first = await source.next()
  // SVIDs live an hour here: only the end of the connection can be the reason for the next update.
  const update = source.next()
  await endProcess(child)
  const again = await startAuthority(folder.path)
  try {
    const second = await update
    verifyX509Svid(second.chain, second.bundles)
    assert.throws(() => verifyX509Svid(second.chain, first.bundles))
  } finally {
    await endProcess(again)
  }
})

test('two identities trust each other at every moment while the authority is replaced twice', async () => {
  using folder = temporaryFolder()
  await using lab = await openAuthority(folder.path, { svidTtlMs: 1500, caTtlMs: 4000 })
  await using one = await openSource(folder.path)
  await using other = await openSource(folder.path, { name: 'other' })
  let [ours, theirs] = [await one.next(), await other.next()]
  const authorities = new Set<string>()
  const seen = () => {
    verifyX509Svid(ours.chain, theirs.bundles)
    verifyX509Svid(theirs.chain, ours.bundles)
    authorities.add(new X509Certificate(ours.chain[0] ?? '').issuer)
  }
  const follow = async (source: typeof one, take: (update: IdentityUpdate) => void) => {
    while (authorities.size < 3) {
      take(await source.next())
      seen()
    }
  }
  await Promise.all([follow(one, (update) => (ours = update)), follow(other, (update) => (theirs = update))])
  assert.ok(lab.authority.status().authorities.length <= 3)
})

test('aborting ends the iteration, also in the middle of a request that is never answered', async () => {
  using folder = temporaryFolder()
  const child = await startAuthority(folder.path)
  try {
    child.kill('SIGSTOP')
    const source = await openSource(folder.path, {}, 60_000)
    const end = source.end()
    setImmediate(() => source.stop.abort())
    assert.equal((await end).done, true)
    assert.deepEqual(source.events, [])
    assert.deepEqual(source.provider.listKeys(), [])
  } finally {
    child.kill('SIGCONT')
    await endProcess(child)
  }
})
