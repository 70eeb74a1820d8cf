import { fileURLToPath } from 'node:url'
import type { MethodDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

/** A message as the loader decodes and encodes it: every field is there, in camel case. */
export interface X509SvidMessage {
  readonly spiffeId: string
  readonly x509Svid: Uint8Array
  readonly x509SvidKey: Uint8Array
  readonly bundle: Uint8Array
  readonly hint: string
}

export interface X509SvidResponse {
  readonly svids: readonly X509SvidMessage[]
  readonly crl: readonly Uint8Array[]
  readonly federatedBundles: Readonly<Record<string, Uint8Array>>
}

export interface X509BundlesResponse {
  readonly crl: readonly Uint8Array[]
  readonly bundles: Readonly<Record<string, Uint8Array>>
}

/** The methods of the service and what each answers; those of the JWT profile are declared and answer `Unimplemented`. */
export interface WorkloadApiService {
  readonly FetchX509SVID: MethodDefinition<object, X509SvidResponse>
  readonly FetchX509Bundles: MethodDefinition<object, X509BundlesResponse>
  readonly FetchJWTSVID: MethodDefinition<object, object>
  readonly FetchJWTBundles: MethodDefinition<object, object>
  readonly ValidateJWTSVID: MethodDefinition<object, object>
}

const protoFile = fileURLToPath(new URL('workload.proto', import.meta.url))

let loaded: WorkloadApiService | undefined

/** The service of `workload.proto`, loaded when it is first needed. */
export function workloadApiService(): WorkloadApiService {
  loaded ??= load()
  return loaded
}

function load(): WorkloadApiService {
  const service: unknown = loadSync(protoFile, { defaults: true })['SpiffeWorkloadAPI']
  if (!isService(service)) throw new TypeError(`${protoFile} does not declare the Workload API`)
  return service
}

/** The loader types every message as `object`; the interfaces above repeat the file that lies beside this one. */
function isService(definition: unknown): definition is WorkloadApiService {
  return typeof definition === 'object' && definition !== null && 'FetchX509SVID' in definition
}
