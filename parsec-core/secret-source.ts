import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ParsecError, withStatus } from './errors.js'
import type { ConfigTable } from './provider.js'
import { ResponseStatus } from './response-status.js'

/** Where a PIN or an authorization comes from: it is read anew each time it is needed, and never kept. */
export type SecretSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'env'; readonly variable: string }
  /** A systemd credential (systemd.exec(5), LoadCredential=): a file of this name in $CREDENTIALS_DIRECTORY. */
  | { readonly kind: 'credential'; readonly name: string }

const maxSecretBytes = 4096

/**
 * Reads `PREFIX_file`, `PREFIX_env` and `PREFIX_credential`; at most one may be there. Undefined when none is, or after
 * a fault.
 */
export function secretSourceOf(table: ConfigTable, prefix: string): SecretSource | undefined {
  const path = table.string(`${prefix}_file`)
  const variable = table.string(`${prefix}_env`)
  const name = table.string(`${prefix}_credential`)
  const found: SecretSource[] = [
    ...(path === undefined ? [] : [{ kind: 'file', path } as const]),
    ...(variable === undefined ? [] : [{ kind: 'env', variable } as const]),
    ...(name === undefined ? [] : [{ kind: 'credential', name } as const]),
  ]
  if (found.length > 1) table.fault(`${prefix}_${found[1]?.kind}`, 'one source is enough, and two could disagree')
  if (name !== undefined && !isPlainName(name)) {
    table.fault(`${prefix}_credential`, 'a credential\'s name has no slash, and is neither "." nor ".."')
  }
  return found.length === 1 ? found[0] : undefined
}

/** The keys of a block that lead to `source` again. */
export function settingsOfSecretSource(source: SecretSource, prefix: string): Readonly<Record<string, string>> {
  switch (source.kind) {
    case 'file':
      return { [`${prefix}_file`]: source.path }
    case 'env':
      return { [`${prefix}_env`]: source.variable }
    case 'credential':
      return { [`${prefix}_credential`]: source.name }
  }
}

/** The source in words, for messages: never what is in it. */
export function describeSecretSource(source: SecretSource): string {
  switch (source.kind) {
    case 'file':
      return `the file "${source.path}"`
    case 'env':
      return `the environment variable "${source.variable}"`
    case 'credential':
      return `the systemd credential "${source.name}"`
  }
}

/**
 * The secret, without the line end an editor leaves; the caller wipes it. Throws `PsaErrorStorageFailure` when it
 * cannot be read, is empty or too long, or is a file that others may read.
 */
export async function readSecret(source: SecretSource, environment = process.env): Promise<Uint8Array> {
  const shown = describeSecretSource(source)
  const bytes = await withStatus(ResponseStatus.PsaErrorStorageFailure, `cannot read ${shown}`, async () => {
    if (source.kind === 'env') return Buffer.from(environment[source.variable] ?? '', 'utf8')
    const path = source.kind === 'file' ? source.path : credentialPath(source.name, environment)
    await requirePrivate(path, shown)
    return readFile(path)
  })
  const secret = Uint8Array.from(bytes.subarray(0, lengthWithoutLineEnd(bytes)))
  bytes.fill(0)
  if (secret.length > 0 && secret.length <= maxSecretBytes) return secret
  throw refused(shown, secret.length === 0 ? 'it is empty' : `it has more than ${maxSecretBytes} bytes`)
}

async function requirePrivate(path: string, shown: string): Promise<void> {
  const { mode, size } = await stat(path)
  if ((mode & 0o007) !== 0) throw refused(shown, 'everybody may use it: its mode must end in 0')
  if (size > maxSecretBytes) throw refused(shown, `it has more than ${maxSecretBytes} bytes`)
}

function credentialPath(name: string, environment: NodeJS.ProcessEnv): string {
  const directory = environment['CREDENTIALS_DIRECTORY']
  if (directory !== undefined && directory !== '') return join(directory, name)
  throw refused(`the systemd credential "${name}"`, 'CREDENTIALS_DIRECTORY is not set: does the unit load it?')
}

function isPlainName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('/')
}

function lengthWithoutLineEnd(bytes: Uint8Array): number {
  const lineFeed = 0x0a
  const carriageReturn = 0x0d
  if (bytes.at(-1) !== lineFeed) return bytes.length
  return bytes.at(-2) === carriageReturn ? bytes.length - 2 : bytes.length - 1
}

function refused(shown: string, reason: string): ParsecError {
  return new ParsecError(ResponseStatus.PsaErrorStorageFailure, `${shown} is refused: ${reason}`)
}
