import { status } from '@grpc/grpc-js'
import type { KeyObject } from 'node:crypto'
import { verifyCertificateRequest } from '../../../parsec-core/index.js'
import type { FakeAuthority } from './authority.js'
import type { FakeRegistry } from './registry.js'
import { StatusError } from './status-error.js'

export interface FakeParts {
  readonly authority: FakeAuthority
  readonly registry: FakeRegistry
  /** Entries sent at once; a longer list comes as revisions. */
  pageSize: number
  readonly calls: string[]
  /** Called after each change of `calls`. */
  onCall: () => void
  /** Bundles of other trust domains, by name. */
  readonly federated: Map<string, readonly Uint8Array[]>
  /** Methods that fail, by name. */
  readonly failing: Map<string, StatusError>
  /** Each request of a batch is refused by its own status. */
  refusedItems: boolean
  /** Those the server has. */
  attestors: readonly string[]
  /** Set: the attestor `x509pop` works in mode `spiffe`, with this prefix. */
  exchangePrefix: string | undefined
}

export function keyOf(csr: Uint8Array | undefined): KeyObject {
  try {
    return verifyCertificateRequest(csr ?? new Uint8Array(0))
  } catch (error) {
    throw new StatusError(status.INVALID_ARGUMENT, `failed to parse CSR: ${String(error)}`)
  }
}

export function idMessage(id: string): { readonly trustDomain: string; readonly path: string } {
  const { host, pathname } = new URL(id)
  return { trustDomain: host, path: pathname }
}

export function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000)
}
