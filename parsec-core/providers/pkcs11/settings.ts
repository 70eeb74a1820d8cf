import type { ConfigTable, ProviderSettings } from '../../provider.js'
import { secretSourceOf, settingsOfSecretSource, type SecretSource } from '../../secret-source.js'
import type { TokenName } from './token-choice.js'

export const keyStorages = ['session', 'token'] as const
export type KeyStorage = (typeof keyStorages)[number]

export interface Pkcs11Settings {
  readonly module: string
  readonly token: TokenName
  readonly pin: SecretSource
  readonly maxSessions: number
  readonly keyStorage: KeyStorage
  readonly keyStoreDirectory: string
  readonly operationTimeoutMs: number
}

const pinPrefix = 'user_pin'
const defaultTimeoutMs = 5_000
const minTimeoutMs = 100
const maxTimeoutMs = 600_000
/** One owns the keys, the other works. */
const defaultSessions = 2
const maxSessionsAllowed = 1_024

/** Reads the block; undefined after a fault that leaves something out. */
export function readSettings(table: ConfigTable): Pkcs11Settings | undefined {
  const module = required(table, 'module', 'the path of the PKCS#11 module')
  const token = readTokenName(table)
  const pin = readPin(table)
  const keyStoreDirectory = required(
    table,
    'key_store_dir',
    'the directory that remembers which keys are in the token, and which PINs it refused',
  )
  const maxSessions = readSessions(table)
  const keyStorage = readKeyStorage(table)
  const operationTimeoutMs = readTimeout(table)
  if (module === undefined || token === undefined || pin === undefined || keyStoreDirectory === undefined)
    return undefined
  return { module, token, pin, maxSessions, keyStorage, keyStoreDirectory, operationTimeoutMs }
}

/** The block's keys again, defaults written out. */
export function settingsOf(settings: Pkcs11Settings): ProviderSettings {
  const { label, serial } = settings.token
  return {
    module: settings.module,
    ...(label !== undefined && { token_label: label }),
    ...(serial !== undefined && { token_serial: serial }),
    ...settingsOfSecretSource(settings.pin, pinPrefix),
    max_sessions: settings.maxSessions,
    key_storage: settings.keyStorage,
    key_store_dir: settings.keyStoreDirectory,
    operation_timeout: settings.operationTimeoutMs,
  }
}

function required(table: ConfigTable, key: string, what: string): string | undefined {
  const value = table.string(key)
  if (value !== undefined && value !== '') return value
  table.fault(key, `"${key}" is needed: ${what}`)
  return undefined
}

function readTokenName(table: ConfigTable): TokenName | undefined {
  const label = table.string('token_label')
  const serial = table.string('token_serial')
  if (label === undefined && serial === undefined) {
    table.fault('token_label', '"token_label" or "token_serial" is needed: which token of the module')
    return undefined
  }
  return { ...(label !== undefined && { label }), ...(serial !== undefined && { serial }) }
}

function readPin(table: ConfigTable): SecretSource | undefined {
  const pin = secretSourceOf(table, pinPrefix)
  const keys = ['file', 'env', 'credential'].map((kind) => `${pinPrefix}_${kind}`)
  if (pin === undefined && keys.every((key) => table.string(key) === undefined)) {
    table.fault(`${pinPrefix}_file`, `the user PIN is needed: one of ${keys.map((key) => `"${key}"`).join(', ')}`)
  }
  return pin
}

function readSessions(table: ConfigTable): number {
  const sessions = table.integer('max_sessions') ?? defaultSessions
  if (sessions < 1 || sessions > maxSessionsAllowed) {
    table.fault('max_sessions', `"max_sessions" is 1 to ${maxSessionsAllowed}`)
  }
  return sessions
}

function readKeyStorage(table: ConfigTable): KeyStorage {
  const value = table.string('key_storage') ?? 'session'
  const storage = keyStorages.find((one) => one === value)
  if (storage === undefined) table.fault('key_storage', '"key_storage" is "session" or "token"')
  return storage ?? 'session'
}

function readTimeout(table: ConfigTable): number {
  const timeoutMs = table.durationMs('operation_timeout') ?? defaultTimeoutMs
  if (timeoutMs < minTimeoutMs || timeoutMs > maxTimeoutMs) {
    table.fault('operation_timeout', '"operation_timeout" is 100ms to 10m')
  }
  return timeoutMs
}
