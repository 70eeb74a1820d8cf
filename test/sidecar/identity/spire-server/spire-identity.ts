import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SpireServerIdentityConfig } from '../../../../sidecar/config/index.js'
import type { IdentityEvent, IdentityUpdate } from '../../../../sidecar/identity/identity-source.js'
import { SpireServerSource } from '../../../../sidecar/identity/spire-server/spire-server-source.js'
import { openMemoryProvider, openProvider, type Provider } from '../../../../parsec-core/index.js'

/** What a source and its files need of a server, the tests' own or SPIRE's. */
export interface ServerUnderTest {
  readonly address: SpireServerIdentityConfig['serverAddress']
  readonly authority: { readonly trustDomain: string; readonly bundlePem: string }
}

export const workloadId = 'spiffe://example.org/edge/eventbus'

/** Files of one test: token, bundle, state and, for keys that outlive a provider, a key store. */
export class SpireFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'svidecar-spire-'))
  readonly tokenFile = this.join('token')
  readonly bundleFile = this.join('bundle.pem')
  readonly stateDir = this.join('state/eventbus')

  join(name: string): string {
    return join(this.path, name)
  }

  writeToken(token: string): void {
    writeFileSync(this.tokenFile, `${token}\n`, { mode: 0o600 })
  }

  writeBundle(server: ServerUnderTest): void {
    writeFileSync(this.bundleFile, server.authority.bundlePem)
  }

  state(): {
    readonly agent?: { readonly chain: readonly string[]; readonly keyName: string }
    readonly bundle: string
  } {
    return JSON.parse(readFileSync(join(this.stateDir, 'agent.json'), 'utf8'))
  }

  /** A provider that keeps its keys: another one opened in the same folder has them again. */
  async openKeys(): Promise<Provider> {
    mkdirSync(this.join('keys'), { recursive: true, mode: 0o700 })
    writeFileSync(this.join('store-key'), Buffer.alloc(32, 7), { mode: 0o600 })
    const settings = { store: 'encrypted', key_store_dir: this.join('keys'), store_key_file: this.join('store-key') }
    return openProvider({ name: 'kept', type: 'Software', settings })
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

export interface OpenOptions {
  readonly provider?: Provider
  readonly config?: Partial<SpireServerIdentityConfig>
}

/** A source under test with everything it told; ends with its scope. */
export async function openSpireSource(server: ServerUnderTest, folder: SpireFolder, options: OpenOptions = {}) {
  const provider = options.provider ?? (await openMemoryProvider('identity keys'))
  const events: IdentityEvent[] = []
  const warnings: string[] = []
  let recoveries = 0
  const woken = new Set<() => void>()
  const wake = () => {
    for (const resume of woken) resume()
    woken.clear()
  }
  const config: SpireServerIdentityConfig = {
    source: 'spire-server',
    name: 'eventbus',
    spiffeId: workloadId,
    hint: undefined,
    keyProvider: undefined,
    entryId: undefined,
    serverAddress: server.address,
    trustDomain: server.authority.trustDomain,
    trust: { kind: 'file', path: folder.bundleFile },
    attestation: { type: 'join_token', tokenFile: folder.tokenFile },
    keyType: 'ec-p256',
    keyRotation: 'new',
    pollIntervalMs: 300,
    stateDir: folder.stateDir,
    ...options.config,
  }
  const source = new SpireServerSource(config, {
    provider,
    providerNamed: () => provider,
    firstBackoffMs: 50,
    onEvent: (event) => {
      events.push(event)
      wake()
    },
    onRecovered: () => {
      recoveries += 1
      wake()
    },
    onWarning: (text) => {
      warnings.push(text)
      wake()
    },
  })
  const stop = new AbortController()
  const iterator = source.updates(stop.signal)[Symbol.asyncIterator]()
  const until = async (holds: () => boolean) => {
    while (!holds()) await new Promise<void>((resolve) => woken.add(resolve))
  }
  return {
    source,
    provider,
    events,
    warnings,
    get recoveries() {
      return recoveries
    },
    next: () => nextUpdate(iterator),
    /** Lets the source go on although no update comes: the one that comes in the end. */
    goOn: () => iterator.next(),
    until,
    told: (text: RegExp) => until(() => events.some(({ advice }) => text.test(advice))),
    async [Symbol.asyncDispose]() {
      stop.abort()
      await iterator.return?.()
    },
  }
}

async function nextUpdate(iterator: AsyncIterator<IdentityUpdate, void>): Promise<IdentityUpdate> {
  const { value } = await iterator.next()
  assert.ok(value, 'the source ended')
  return value
}

export function leafOf({ chain }: Pick<IdentityUpdate, 'chain'>): X509Certificate {
  assert.ok(chain[0])
  return new X509Certificate(chain[0])
}
