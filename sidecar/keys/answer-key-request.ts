import {
  createCertificateRequest,
  generatePrivateKey,
  openSigner,
  type KeyInfo,
  type Provider,
} from '../../parsec-core/index.js'
import { parseSpiffeId, writePem } from '../../workload-api/index.js'
import { KeyRequestError, type KeyAnswer, type KeyName, type KeyRequest } from './key-request.js'
import { keyView, orphanView } from './key-view.js'

/** The owner of keys that an operator makes for purposes of his own. */
export const operatorIdentity = 'svidecar/operator'

/** Whose providers they are. */
export interface KeyRequestOptions {
  /** They serve a running process, whose own keys are not to be destroyed under it. */
  readonly running: boolean
}

/**
 * Does what is asked with open providers: those of a running process, or ones opened for this alone. Throws
 * `KeyRequestError`, and `ParsecError` for what a provider or its device refuses.
 */
export async function answerKeyRequest(
  providers: readonly Provider[],
  request: KeyRequest,
  { running }: KeyRequestOptions,
): Promise<KeyAnswer> {
  switch (request.action) {
    case 'list':
      return { action: 'list', keys: providers.flatMap((from) => from.listKeys().map((key) => keyView(from, key))) }
    case 'show':
      return describe('show', ...find(providers, request))
    case 'create':
      return create(providers, request)
    case 'delete':
      return destroy(running, ...find(providers, request))
    case 'csr':
      return sign(request.uri, ...find(providers, request))
    case 'check':
      return check(providers, request.removeOrphans)
  }
}

async function describe(action: 'show' | 'create', provider: Provider, info: KeyInfo): Promise<KeyAnswer> {
  const signer = info.missing === undefined ? await openSigner(provider, info.identity) : undefined
  const publicKey = signer?.publicKey.export({ type: 'spki', format: 'pem' }).toString() ?? null
  return { action, key: keyView(provider, info), publicKey }
}

/** An operator's key is there to stay: a provider without a key store refuses it. */
async function create(providers: readonly Provider[], request: Extract<KeyRequest, { action: 'create' }>) {
  const provider = chooseProvider(providers, request.provider)
  const identity = { applicationIdentity: request.identity ?? operatorIdentity, keyName: request.name }
  if (identity.applicationIdentity !== operatorIdentity) {
    throw new KeyRequestError(`the keys of "${identity.applicationIdentity}" are made by svidecar itself`)
  }
  await generatePrivateKey(provider, identity, request.type, { lifetime: 'persistent' })
  return describe('create', provider, provider.keyInfo(identity))
}

/** A key that is gone from its device is only forgotten. */
async function destroy(running: boolean, provider: Provider, info: KeyInfo): Promise<KeyAnswer> {
  const { applicationIdentity } = info.identity
  if (running && applicationIdentity !== operatorIdentity && info.missing === undefined) {
    throw new KeyRequestError(`the key belongs to "${applicationIdentity}" of the running svidecar: stop it first`)
  }
  if (provider.psaDestroyKey === undefined) throw new KeyRequestError(`"${provider.name}" cannot destroy keys`)
  await provider.psaDestroyKey(info.identity)
  return { action: 'delete', key: keyView(provider, info), publicKey: null }
}

async function sign(uri: string, provider: Provider, info: KeyInfo): Promise<KeyAnswer> {
  const request = await createCertificateRequest(await openSigner(provider, info.identity), { uri: parseSpiffeId(uri) })
  return { action: 'csr', key: keyView(provider, info), csr: writePem('CERTIFICATE REQUEST', request) }
}

async function check(providers: readonly Provider[], removeOrphans: boolean): Promise<KeyAnswer> {
  const found = await Promise.all(providers.map((provider) => checkOne(provider, removeOrphans)))
  return {
    action: 'check',
    missing: found.flatMap(({ missing }) => missing),
    orphans: found.flatMap(({ orphans }) => orphans),
  }
}

async function checkOne(provider: Provider, removeOrphans: boolean) {
  const { missing, orphans } = (await provider.checkKeys?.()) ?? { missing: [], orphans: [] }
  const views = []
  for (const orphan of orphans) {
    const removed = removeOrphans && provider.destroyOrphan !== undefined
    if (removed) await provider.destroyOrphan?.(orphan)
    views.push(orphanView(provider, orphan, removed))
  }
  return { missing: missing.map((key) => keyView(provider, key)), orphans: views }
}

function find(providers: readonly Provider[], { name, provider, identity }: KeyName): [Provider, KeyInfo] {
  const among = provider === undefined ? providers : [chooseProvider(providers, provider)]
  const fitting = among.flatMap((from) =>
    from
      .listKeys()
      .filter((key) => key.identity.keyName === name)
      .filter((key) => identity === undefined || key.identity.applicationIdentity === identity)
      .map((key): [Provider, KeyInfo] => [from, key]),
  )
  const [only, ...others] = fitting
  if (only === undefined) throw new KeyRequestError(`there is no key "${name}": see svidecar keys list`)
  if (others.length === 0) return only
  const places = fitting.map(([from, key]) => `"${from.name}" for "${key.identity.applicationIdentity}"`)
  throw new KeyRequestError(`there are several keys "${name}", in ${places.join(', ')}: give --provider or --identity`)
}

function chooseProvider(providers: readonly Provider[], name: string | undefined): Provider {
  const [only, ...others] = name === undefined ? providers : providers.filter((provider) => provider.name === name)
  const names = providers.map((provider) => `"${provider.name}"`).join(', ')
  if (only === undefined) throw new KeyRequestError(`there is no key provider "${name ?? ''}", only ${names}`)
  if (others.length > 0) throw new KeyRequestError(`there are several key providers: give --provider, one of ${names}`)
  return only
}
