import type { MethodDefinition } from '@grpc/grpc-js'
import protobuf from 'protobufjs/minimal.js'

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

/** The method of `proto/authority.proto`, for server and client; a test holds its messages against that file. */
export const signX509SvidMethod: SignX509SvidMethod = {
  path: '/svidecar.authority.v1.Authority/SignX509Svid',
  requestStream: false,
  responseStream: false,
  requestSerialize: encodeRequest,
  requestDeserialize: decodeRequest,
  responseSerialize: encodeResponse,
  responseDeserialize: decodeResponse,
}

/** A field's tag: its number and that its value has a length, as the values of all fields here have. */
function tag(field: number): number {
  return (field << 3) | 2
}

function encodeRequest({ spiffeId, csr }: SignX509SvidRequest): Buffer {
  return finish(protobuf.Writer.create().uint32(tag(1)).string(spiffeId).uint32(tag(2)).bytes(csr))
}

function decodeRequest(bytes: Uint8Array): SignX509SvidRequest {
  let spiffeId = ''
  let csr: Uint8Array = new Uint8Array(0)
  eachField(bytes, {
    [tag(1)]: (reader) => (spiffeId = reader.string()),
    [tag(2)]: (reader) => (csr = reader.bytes()),
  })
  return { spiffeId, csr }
}

function encodeResponse({ chain, bundles, hint }: SignX509SvidResponse): Buffer {
  const writer = protobuf.Writer.create()
  for (const certificate of chain) writer.uint32(tag(1)).bytes(certificate)
  for (const [trustDomain, { x509Authorities }] of Object.entries(bundles)) {
    writer.uint32(tag(2)).fork().uint32(tag(1)).string(trustDomain).uint32(tag(2)).fork()
    for (const authority of x509Authorities) writer.uint32(tag(1)).bytes(authority)
    writer.ldelim().ldelim()
  }
  return finish(writer.uint32(tag(3)).string(hint))
}

function decodeResponse(bytes: Uint8Array): SignX509SvidResponse {
  const chain: Uint8Array[] = []
  const bundles: ReturnType<typeof decodeBundle>[] = []
  let hint = ''
  eachField(bytes, {
    [tag(1)]: (reader) => chain.push(reader.bytes()),
    [tag(2)]: (reader) => bundles.push(decodeBundle(reader.bytes())),
    [tag(3)]: (reader) => (hint = reader.string()),
  })
  return { chain, bundles: Object.fromEntries(bundles), hint }
}

/** An entry of the map: a message of key and value. */
function decodeBundle(bytes: Uint8Array): readonly [trustDomain: string, { readonly x509Authorities: Uint8Array[] }] {
  let trustDomain = ''
  const x509Authorities: Uint8Array[] = []
  const value = { [tag(1)]: (reader: protobuf.Reader) => x509Authorities.push(reader.bytes()) }
  eachField(bytes, {
    [tag(1)]: (reader) => (trustDomain = reader.string()),
    [tag(2)]: (reader) => eachField(reader.bytes(), value),
  })
  return [trustDomain, { x509Authorities }]
}

type FieldReaders = Readonly<Record<number, (reader: protobuf.Reader) => void>>

/** Calls each field's reader by its tag; a field that has none is skipped, as proto3 asks. */
function eachField(bytes: Uint8Array, readers: FieldReaders): void {
  const reader = protobuf.Reader.create(bytes)
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    const read = readers[tag]
    if (read === undefined) reader.skipType(tag & 7)
    else read(reader)
  }
}

function finish(writer: protobuf.Writer): Buffer {
  const { buffer, byteOffset, byteLength } = writer.finish()
  return Buffer.from(buffer, byteOffset, byteLength)
}
