import type { MethodDefinition } from '@grpc/grpc-js'
import {
  decodeJwtBundlesResponse,
  decodeJwtSvidRequest,
  decodeJwtSvidResponse,
  decodeValidateJwtSvidRequest,
  decodeValidateJwtSvidResponse,
  encodeJwtBundlesResponse,
  encodeJwtSvidRequest,
  encodeJwtSvidResponse,
  encodeValidateJwtSvidRequest,
  encodeValidateJwtSvidResponse,
} from './jwt-messages.js'
import {
  decodeX509BundlesResponse,
  decodeX509SvidResponse,
  encodeX509BundlesResponse,
  encodeX509SvidResponse,
} from './messages.js'

/** How one kind of message is put on the wire and read from it. */
interface Codec<Message> {
  readonly encode: (message: Message) => Buffer
  readonly decode: (bytes: Buffer) => Message
}

/** A request that says nothing, as those for streams are. */
const empty: Codec<object> = { encode: () => Buffer.alloc(0), decode: () => ({}) }

function method<Request extends object, Response extends object>(
  name: string,
  stream: boolean,
  request: Codec<Request>,
  response: Codec<Response>,
): MethodDefinition<Request, Response> {
  return {
    path: `/SpiffeWorkloadAPI/${name}`,
    requestStream: false,
    responseStream: stream,
    requestSerialize: request.encode,
    requestDeserialize: request.decode,
    responseSerialize: response.encode,
    responseDeserialize: response.decode,
  }
}

/** The methods of `workload.proto`: what each is asked and what it answers. */
export const workloadApiService = {
  FetchX509SVID: method('FetchX509SVID', true, empty, {
    encode: encodeX509SvidResponse,
    decode: decodeX509SvidResponse,
  }),
  FetchX509Bundles: method('FetchX509Bundles', true, empty, {
    encode: encodeX509BundlesResponse,
    decode: decodeX509BundlesResponse,
  }),
  FetchJWTSVID: method(
    'FetchJWTSVID',
    false,
    { encode: encodeJwtSvidRequest, decode: decodeJwtSvidRequest },
    { encode: encodeJwtSvidResponse, decode: decodeJwtSvidResponse },
  ),
  FetchJWTBundles: method('FetchJWTBundles', true, empty, {
    encode: encodeJwtBundlesResponse,
    decode: decodeJwtBundlesResponse,
  }),
  ValidateJWTSVID: method(
    'ValidateJWTSVID',
    false,
    { encode: encodeValidateJwtSvidRequest, decode: decodeValidateJwtSvidRequest },
    { encode: encodeValidateJwtSvidResponse, decode: decodeValidateJwtSvidResponse },
  ),
} as const
