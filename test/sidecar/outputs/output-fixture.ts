import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createPrivateKey } from 'node:crypto'
import { importPrivateKey, openMemoryProvider } from '../../../parsec-core/index.js'
import { parseSpiffeId, parseTrustDomain, X509Bundle } from '../../../workload-api/index.js'
import type { OutputConfig } from '../../../sidecar/config/output-model.js'
import { createLogger, type Logger } from '../../../sidecar/log/logger.js'
import type { JwtFeed, JwtMaterial } from '../../../sidecar/outputs/jwt-material.js'
import type { SvidFeed, SvidMaterial } from '../../../sidecar/outputs/svid-material.js'
import { FakeCa, type Issued } from '../../fakes/fake-ca.js'

/** A folder every user may look into, gone when the test ends. */
export function outputFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'so-'))
  chmodSync(folder, 0o755)
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Chain, key and bundle in one directory, as an example file of spiffe-helper names them. */
export function outputConfig(directory: string, changes: Partial<OutputConfig> = {}): OutputConfig {
  return {
    name: 'files',
    identity: 'default',
    directory,
    layout: 'flat',
    svidFileName: 'svid.pem',
    keyFileName: 'svid_key.pem',
    bundleFileName: 'svid_bundle.pem',
    bundlePerTrustDomain: false,
    addIntermediatesToBundle: false,
    includeFederatedDomains: false,
    omitExpired: false,
    jwtSvids: [],
    jwtBundleFileName: undefined,
    jwksFileName: undefined,
    spiffeBundleFileName: undefined,
    certFileMode: 0o644,
    keyFileMode: 0o600,
    jwtBundleFileMode: 0o600,
    jwtSvidFileMode: 0o600,
    owner: undefined,
    group: undefined,
    onUpdate: [],
    pidFileName: undefined,
    renewSignal: undefined,
    ...changes,
  }
}

/** An identity that rotates when the test says so. */
export class TestIdentity implements SvidFeed {
  readonly ca: FakeCa
  material: SvidMaterial | undefined
  issued: Issued | undefined
  federated: readonly FakeCa[] = []
  #listeners = new Set<() => void>()
  #keys = 0
  readonly #provider = openMemoryProvider('test')

  constructor(ca: FakeCa = FakeCa.create('example.org')) {
    this.ca = ca
  }

  /** A new SVID with a new key, or with the bundles as they are now when it is given one. */
  async rotate(issued: Issued = this.ca.issue('/workload')): Promise<Issued> {
    const provider = await this.#provider
    const identity = { applicationIdentity: 'test', keyName: String((this.#keys += 1)) }
    const signer = await importPrivateKey(provider, identity, createPrivateKey(issued.keyPem))
    const bundles = [this.ca, ...this.federated].map(({ trustDomain, certificate }) => {
      const name = parseTrustDomain(trustDomain)
      return [name, X509Bundle.parse(name, certificate)] as const
    })
    this.issued = issued
    this.material = {
      spiffeId: parseSpiffeId(`spiffe://${this.ca.trustDomain}/workload`),
      notAfter: new Date(Date.now() + 3_600_000),
      chain: issued.chain,
      signer,
      bundles: new Map(bundles),
    }
    this.tell()
    return issued
  }

  /** As an agent that connects again and has nothing new. */
  tell(): void {
    for (const listener of this.#listeners) listener()
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** Tokens and JWT bundles the test puts there. */
export class TestJwtFeed implements JwtFeed {
  current: JwtMaterial = { svids: new Map(), bundles: undefined, problem: undefined }
  #listeners = new Set<() => void>()

  set(current: Partial<JwtMaterial>): void {
    this.current = { ...this.current, ...current }
    for (const listener of this.#listeners) listener()
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

export const silentLog: Logger = createLogger(
  { writeLine: () => undefined, flush: () => Promise.resolve(), lostLines: 0 },
  { level: 'error', format: 'json' },
)

/** Counts what an output announces, and lets a test wait for it. */
export class Announcements {
  readonly all: boolean[] = []
  readonly #waiting = new Set<() => void>()

  readonly onPlaced = (changed: boolean): void => {
    this.all.push(changed)
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  get changes(): number {
    return this.all.filter((changed) => changed).length
  }

  async until(count: number): Promise<void> {
    while (this.all.length < count) await new Promise<void>((resolve) => this.#waiting.add(resolve))
  }
}

export function textOf(directory: string, name: string): string {
  return readFileSync(join(directory, name), 'utf8')
}

/** The names that are there, without what a layout keeps for itself. */
export function namesIn(directory: string): readonly string[] {
  return readdirSync(directory)
    .filter((name) => !name.startsWith('..'))
    .sort()
}
