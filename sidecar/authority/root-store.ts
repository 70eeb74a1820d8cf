import { createPublicKey, X509Certificate } from 'node:crypto'
import { chmod, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { lockFile } from '../../native/index.js'
import { trustDomainId, type TrustDomain } from '../../workload-api/index.js'
import type { RootState } from './ca-schedule.js'
import { backdateMs } from './certificates.js'
import { AuthorityError } from './errors.js'
import { jwtKeyIdOf } from './root-keys.js'
import type { JwtRootKey, Root, RootStore } from './root.js'

/** A root as the file has it; the certificate (base64) says the rest. */
interface StoredRoot {
  readonly keyName: string
  readonly state: RootState
  readonly certificate: string
  /** Absent in what a version before tokens wrote. */
  readonly jwtKeyName?: string
  /** SPKI, base64. */
  readonly jwtPublicKey?: string
}

const version = 1

/** The roots as `authority.json` in a directory of the authority's own (0700), replaced atomically.
 * Locked until it is closed: two authorities would take turns in overwriting each other. Throws `ERR_AUTHORITY_STATE`. */
export async function openRootStore(directory: string, trustDomain: TrustDomain): Promise<RootStore> {
  const path = join(directory, 'authority.json')
  await storing(`cannot use the data directory "${directory}"`, async () => {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await chmod(directory, 0o700)
  })
  const lock = await storing(`cannot lock the data directory "${directory}"`, async () =>
    lockFile(join(directory, 'lock')),
  )
  if (!lock) throw refused(directory, 'an authority uses it already')
  return {
    close: () => lock.release(),
    load: async () => {
      const text = await storing(`cannot read "${path}"`, () => readIfThere(path))
      return text === undefined ? [] : parseRoots(text, path, trustDomain)
    },
    save: (roots) =>
      storing(`cannot write "${path}"`, () => writeFileAtomic(path, formatRoots(roots, trustDomain), { mode: 0o600 })),
  }
}

function formatRoots(roots: readonly Root[], trustDomain: TrustDomain): string {
  const authorities = roots.map(({ keyName, state, certificate, jwt }): StoredRoot => ({
    keyName,
    state,
    certificate: Buffer.from(certificate).toString('base64'),
    ...(jwt !== undefined && {
      jwtKeyName: jwt.keyName,
      jwtPublicKey: jwt.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    }),
  }))
  return `${JSON.stringify({ version, trustDomain, authorities }, undefined, 2)}\n`
}

/** A file that is not whole is refused: an authority that silently began anew would be one nobody trusts. */
function parseRoots(text: string, path: string, trustDomain: TrustDomain): readonly Root[] {
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch (error) {
    throw refused(path, 'it is not JSON', error)
  }
  if (!isRecord(read) || read.version !== version || !Array.isArray(read.authorities)) {
    throw refused(path, 'it is not the state of an authority of this version')
  }
  if (read.trustDomain !== trustDomain) throw refused(path, `it belongs to another trust domain than "${trustDomain}"`)
  return read.authorities.map((entry: unknown) => rootOf(entry, path, trustDomain))
}

function rootOf(entry: unknown, path: string, trustDomain: TrustDomain): Root {
  if (!isStoredRoot(entry)) throw refused(path, 'an entry is not an authority')
  const { keyName, state } = entry
  const certificate = Buffer.from(entry.certificate, 'base64')
  let parsed: X509Certificate
  try {
    parsed = new X509Certificate(certificate)
  } catch (error) {
    throw refused(path, 'an entry has no readable certificate', error)
  }
  if (parsed.subjectAltName !== `URI:${trustDomainId(trustDomain)}`) {
    throw refused(path, 'a certificate is of another trust domain')
  }
  const createdAt = new Date(Date.parse(parsed.validFrom) + backdateMs)
  const notAfter = new Date(parsed.validTo)
  return { keyName, state, certificate, signer: undefined, jwt: jwtKeyOf(entry, path), createdAt, notAfter }
}

function jwtKeyOf({ jwtKeyName, jwtPublicKey }: StoredRoot, path: string): JwtRootKey | undefined {
  if (jwtKeyName === undefined || jwtPublicKey === undefined) return undefined
  try {
    const publicKey = createPublicKey({ key: Buffer.from(jwtPublicKey, 'base64'), format: 'der', type: 'spki' })
    return { keyName: jwtKeyName, keyId: jwtKeyIdOf(publicKey), publicKey, signer: undefined }
  } catch (error) {
    throw refused(path, 'an entry has no readable key for tokens', error)
  }
}

function isStoredRoot(value: unknown): value is StoredRoot {
  return (
    isRecord(value) &&
    typeof value.keyName === 'string' &&
    typeof value.certificate === 'string' &&
    (value.state === 'next' || value.state === 'active' || value.state === 'retired') &&
    [value.jwtKeyName, value.jwtPublicKey].every((text) => text === undefined || typeof text === 'string') &&
    typeof value.jwtKeyName === typeof value.jwtPublicKey
  )
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function refused(path: string, reason: string, cause?: unknown): AuthorityError {
  return new AuthorityError('ERR_AUTHORITY_STATE', `"${path}" is refused: ${reason}`, { cause })
}

async function storing<Value>(message: string, step: () => Promise<Value>): Promise<Value> {
  try {
    return await step()
  } catch (error) {
    throw error instanceof AuthorityError ? error : new AuthorityError('ERR_AUTHORITY_STATE', message, { cause: error })
  }
}
