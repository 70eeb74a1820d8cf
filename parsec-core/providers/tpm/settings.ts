import type { ConfigTable, ProviderSettings } from '../../provider.js'
import { secretSourceOf, settingsOfSecretSource, type SecretSource } from '../../secret-source.js'
import { parseTcti, type Tcti } from './tcti.js'

export interface TpmSettings {
  readonly tcti: Tcti
  readonly ownerAuthorization: SecretSource | undefined
  readonly keyStoreDirectory: string | undefined
  readonly operationTimeoutMs: number
  readonly unsafePlainSessions: boolean
}

const ownerAuthPrefix = 'owner_auth'
const defaultTcti = 'device:/dev/tpmrm0'
const defaultTimeoutMs = 5_000
const minTimeoutMs = 100
const maxTimeoutMs = 600_000

/** Reads the block; undefined after a fault that leaves something out. */
export function readSettings(table: ConfigTable): TpmSettings | undefined {
  const tcti = readTcti(table)
  const ownerAuthorization = secretSourceOf(table, ownerAuthPrefix)
  const keyStoreDirectory = table.string('key_store_dir')
  const operationTimeoutMs = readTimeout(table)
  const unsafePlainSessions = table.boolean('unsafe_plain_sessions') ?? false
  if (ownerAuthorization !== undefined && keyStoreDirectory === undefined) {
    table.fault(
      'key_store_dir',
      'an owner authorization needs "key_store_dir", where it is noted when the TPM refuses it',
    )
  }
  if (tcti === undefined) return undefined
  return { tcti, ownerAuthorization, keyStoreDirectory, operationTimeoutMs, unsafePlainSessions }
}

/** The block's keys again, defaults written out. */
export function settingsOf(settings: TpmSettings): ProviderSettings {
  const { tcti, ownerAuthorization, keyStoreDirectory } = settings
  return {
    tcti: tcti.text,
    ...(ownerAuthorization && settingsOfSecretSource(ownerAuthorization, ownerAuthPrefix)),
    ...(keyStoreDirectory !== undefined && { key_store_dir: keyStoreDirectory }),
    operation_timeout: settings.operationTimeoutMs,
    unsafe_plain_sessions: settings.unsafePlainSessions,
  }
}

function readTcti(table: ConfigTable): Tcti | undefined {
  const tcti = parseTcti(table.string('tcti') ?? defaultTcti)
  if (typeof tcti !== 'string') return tcti
  table.fault('tcti', tcti)
  return undefined
}

function readTimeout(table: ConfigTable): number {
  const timeoutMs = table.durationMs('operation_timeout') ?? defaultTimeoutMs
  if (timeoutMs < minTimeoutMs || timeoutMs > maxTimeoutMs) {
    table.fault('operation_timeout', '"operation_timeout" is 100ms to 10m')
  }
  return timeoutMs
}
