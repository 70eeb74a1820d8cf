import { signingKeyTypes, type SigningKeyType } from '../../parsec-core/index.js'
import type { KeyView, OrphanView } from './key-view.js'

/** What can be asked about keys, of a running process or of the providers themselves. */
export type KeyRequest =
  | { readonly action: 'list' }
  | ({ readonly action: 'show' } & KeyName)
  | ({ readonly action: 'create'; readonly type: SigningKeyType } & KeyName)
  | ({ readonly action: 'delete' } & KeyName)
  | ({ readonly action: 'csr'; readonly uri: string } & KeyName)
  | { readonly action: 'check'; readonly removeOrphans: boolean }

/** A key by name; provider and owner are needed only where the name alone would fit several. */
export interface KeyName {
  readonly name: string
  readonly provider?: string
  readonly identity?: string
}

/** The answer to each action. */
export type KeyAnswer =
  | { readonly action: 'list'; readonly keys: readonly KeyView[] }
  | { readonly action: 'show' | 'create' | 'delete'; readonly key: KeyView; readonly publicKey: string | null }
  | { readonly action: 'csr'; readonly key: KeyView; readonly csr: string }
  | { readonly action: 'check'; readonly missing: readonly KeyView[]; readonly orphans: readonly OrphanView[] }

/** What was asked cannot be done; the text says why, and what to do. */
export class KeyRequestError extends Error {
  override readonly name = 'KeyRequestError'
}

/** A request as it comes over the admin socket. Throws `KeyRequestError`. */
export function parseKeyRequest(read: unknown): KeyRequest {
  if (!isRecord(read)) throw new KeyRequestError('a request about keys is a JSON object')
  const { action } = read
  switch (action) {
    case 'list':
      return { action }
    case 'show':
    case 'delete':
      return { action, ...parseName(read) }
    case 'create':
      return { action, type: parseType(read.type), ...parseName(read) }
    case 'csr':
      return { action, uri: text(read, 'uri') ?? '', ...parseName(read) }
    case 'check':
      return { action, removeOrphans: read.removeOrphans === true }
    default:
      throw new KeyRequestError('there is no such request about keys')
  }
}

function parseName(read: Readonly<Record<string, unknown>>): KeyName {
  const [name, provider, identity] = [text(read, 'name'), text(read, 'provider'), text(read, 'identity')]
  if (name === undefined) throw new KeyRequestError('the key has no name')
  return { name, ...(provider !== undefined && { provider }), ...(identity !== undefined && { identity }) }
}

/** Throws `KeyRequestError` for a type that is none. */
export function parseType(value: unknown): SigningKeyType {
  const type = signingKeyTypes.find((known) => known === value)
  if (type === undefined) throw new KeyRequestError(`a key's type is one of ${signingKeyTypes.join(', ')}`)
  return type
}

function text(read: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const value = read[key]
  return typeof value === 'string' ? value : undefined
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
