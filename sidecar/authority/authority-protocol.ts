import type { MethodDefinition } from '@grpc/grpc-js'
import { bytes, message, nested, repeated, repeatedMessage, text } from '../protobuf/message.js'

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

const request = message({ spiffeId: text(1), csr: bytes(2) })
const bundle = message({ x509Authorities: repeated<Uint8Array>(bytes)(1) })
const response = message({
  chain: repeated<Uint8Array>(bytes)(1),
  // A map is a repeated message of key and value.
  bundles: repeatedMessage(message({ trustDomain: text(1), bundle: nested(bundle)(2) }))(2),
  hint: text(3),
})

/** The method of `proto/authority.proto`, for server and client; a test holds its messages against that file. */
export const signX509SvidMethod: SignX509SvidMethod = {
  path: '/svidecar.authority.v1.Authority/SignX509Svid',
  requestStream: false,
  responseStream: false,
  requestSerialize: (values) => request.encode(values),
  requestDeserialize: (encoded) => request.decode(encoded),
  responseSerialize: ({ chain, bundles, hint }) =>
    response.encode({
      chain,
      bundles: Object.entries(bundles).map(([trustDomain, bundle]) => ({ trustDomain, bundle })),
      hint,
    }),
  responseDeserialize: (encoded) => {
    const { bundles, ...rest } = response.decode(encoded)
    const entries = bundles.map(({ trustDomain, bundle = { x509Authorities: [] } }) => [trustDomain, bundle] as const)
    return { ...rest, bundles: Object.fromEntries(entries) }
  },
}
