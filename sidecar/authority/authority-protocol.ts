import { fileURLToPath } from 'node:url'
import type { MethodDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

export interface SignX509SvidRequest {
  readonly spiffeId: string
  /** DER. */
  readonly csr: Uint8Array
}

export interface SignX509SvidResponse {
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[]
  /** By trust domain name; DER. */
  readonly bundles: Readonly<Record<string, { readonly x509Authorities: readonly Uint8Array[] }>>
  readonly hint: string
}

export type SignX509SvidMethod = MethodDefinition<SignX509SvidRequest, SignX509SvidResponse>

const serviceName = 'svidecar.authority.v1.Authority'

/** The method of `svidecar.authority.v1.Authority`, for server and client. Field names are in camel case. */
export const signX509SvidMethod: SignX509SvidMethod = loadMethod()

function loadMethod(): SignX509SvidMethod {
  const file = fileURLToPath(new URL('./proto/authority.proto', import.meta.url))
  const service = loadSync(file, { defaults: true, bytes: Buffer })[serviceName]
  if (service === undefined || !('SignX509Svid' in service)) throw new TypeError(`${file} has no ${serviceName}`)
  // The loader types every message as `object`; `defaults` makes every field of ours present.
  return service.SignX509Svid as unknown as SignX509SvidMethod
}
