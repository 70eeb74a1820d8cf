import type { MethodDefinition } from '@grpc/grpc-js'
import {
  decodeX509BundlesResponse,
  decodeX509SvidResponse,
  encodeX509BundlesResponse,
  encodeX509SvidResponse,
  type X509BundlesResponse,
  type X509SvidResponse,
} from './messages.js'

/** How one kind of message is put on the wire and read from it. */
interface Codec<Message> {
  readonly encode: (message: Message) => Buffer
  readonly decode: (bytes: Buffer) => Message
}

const unread: Codec<object> = { encode: () => Buffer.alloc(0), decode: () => ({}) }

/** Every request of the X.509 profile is empty, and those of the JWT profile are refused before they are read. */
function method<Response extends object>(
  name: string,
  answer: Codec<Response>,
  { stream }: { readonly stream: boolean },
): MethodDefinition<object, Response> {
  return {
    path: `/SpiffeWorkloadAPI/${name}`,
    requestStream: false,
    responseStream: stream,
    requestSerialize: unread.encode,
    requestDeserialize: unread.decode,
    responseSerialize: answer.encode,
    responseDeserialize: answer.decode,
  }
}

/** The methods of `workload.proto` and what each answers; those of the JWT profile are there to answer `Unimplemented`. */
export const workloadApiService = {
  FetchX509SVID: method<X509SvidResponse>(
    'FetchX509SVID',
    { encode: encodeX509SvidResponse, decode: decodeX509SvidResponse },
    { stream: true },
  ),
  FetchX509Bundles: method<X509BundlesResponse>(
    'FetchX509Bundles',
    { encode: encodeX509BundlesResponse, decode: decodeX509BundlesResponse },
    { stream: true },
  ),
  FetchJWTSVID: method('FetchJWTSVID', unread, { stream: false }),
  FetchJWTBundles: method('FetchJWTBundles', unread, { stream: true }),
  ValidateJWTSVID: method('ValidateJWTSVID', unread, { stream: false }),
} as const
