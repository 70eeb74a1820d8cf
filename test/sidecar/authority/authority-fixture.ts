import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync, chmodSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createCertificateRequest,
  generatePrivateKey,
  openMemoryProvider,
  type Provider,
  type Signer,
  type SigningKeyType,
} from '../../../parsec-core/index.js'
import { parseTrustDomain } from '../../../workload-api/index.js'
import { Authority } from '../../../sidecar/authority/index.js'
import { CertificateAuthority } from '../../../sidecar/authority/certificate-authority.js'
import { RootKeys } from '../../../sidecar/authority/root-keys.js'
import type { RootStore } from '../../../sidecar/authority/root.js'
import type { AuthorityConfig } from '../../../sidecar/config/index.js'
import type { LogFields, Logger } from '../../../sidecar/log/logger.js'

export const trustDomain = parseTrustDomain('lab.test')
export const ownUid = process.getuid?.() ?? 0

/** A folder of its own for one test, readable by everybody, since callers of other users connect to sockets in it. */
export function temporaryFolder(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), 'svidecar-authority-'))
  chmodSync(path, 0o755)
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

export interface LogLine extends LogFields {
  readonly level: string
  readonly message: string
}

/** A logger that keeps what it is told. */
export function memoryLogger(lines: LogLine[] = []): Logger & { readonly lines: readonly LogLine[] } {
  const at = (level: string) => (message: string, fields?: LogFields) => lines.push({ ...fields, level, message })
  return {
    lines,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: () => memoryLogger(lines),
  }
}

export function authorityConfig(folder: string, overrides: Partial<AuthorityConfig> = {}): AuthorityConfig {
  return {
    name: 'lab',
    listen: { kind: 'unix', path: join(folder, 'authority.sock') },
    unixListen: { mode: 0o600, owner: undefined, group: undefined, allowUids: undefined },
    trustDomain,
    svidTtlMs: 3_600_000,
    caTtlMs: 86_400_000,
    registrationFile: undefined,
    dataDir: undefined,
    keyProvider: undefined,
    keyType: 'ec-p256',
    ...overrides,
  }
}

/** An authority on a socket in `folder` with its keys in memory; everything is closed with it. */
export async function openAuthority(folder: string, overrides: Partial<AuthorityConfig> = {}) {
  const provider = await openMemoryProvider('authority')
  const log = memoryLogger()
  const config = authorityConfig(folder, overrides)
  const authority = await Authority.open(config, { provider, log })
  const close = async () => {
    await authority.close()
    await provider.close()
  }
  return { authority, config, log, provider, close, [Symbol.asyncDispose]: close }
}

export interface EntrySpec {
  readonly uid: number
  readonly ids: readonly string[]
  readonly hint?: string
}

export function writeRegistrations(folder: string, entries: readonly EntrySpec[]): string {
  const path = join(folder, 'entries.hcl')
  const text = entries.map(({ uid, ids, hint }) => {
    const hintLine = hint === undefined ? '' : `hint = "${hint}"`
    return `entry { uid = ${uid} spiffe_ids = ${JSON.stringify(ids)} ${hintLine} }\n`
  })
  writeFileSync(path, text.join(''))
  return path
}

/** The certificate authority alone, with its troubles collected. */
export async function openCertificateAuthority(
  provider: Provider,
  now: Date,
  options: {
    readonly svidTtlMs?: number
    readonly caTtlMs?: number
    readonly store?: RootStore
    readonly keyType?: SigningKeyType
  } = {},
) {
  const troubles: string[] = []
  const authority = await CertificateAuthority.open(
    {
      trustDomain,
      svidTtlMs: options.svidTtlMs ?? 60_000,
      caTtlMs: options.caTtlMs ?? 600_000,
      keyType: options.keyType ?? 'ec-p256',
      keys: new RootKeys({
        provider,
        applicationIdentity: 'svidecar/authority/lab',
        lifetime: provider.storesKeys ? 'persistent' : 'volatile',
      }),
      store: options.store,
      onStep: () => undefined,
      onTrouble: (message) => troubles.push(message),
    },
    now,
  )
  return { authority, troubles }
}

let keyNumber = 0
const workloadProvider = await openMemoryProvider('workload')

/** A key of a workload's own. */
export async function newSigner(type: SigningKeyType = 'ec-p256'): Promise<Signer> {
  keyNumber += 1
  return generatePrivateKey(workloadProvider, { applicationIdentity: 'test', keyName: String(keyNumber) }, type)
}

export async function newRequest(id: string, type?: SigningKeyType): Promise<Uint8Array> {
  return createCertificateRequest(await newSigner(type), { uri: id })
}

export function only<Item>(items: readonly Item[]): Item {
  const [item] = items
  assert.ok(item !== undefined && items.length === 1)
  return item
}
