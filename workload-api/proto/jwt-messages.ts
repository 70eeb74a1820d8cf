/** The messages of `workload.proto` that carry JWTs, read and written field by field as those with X.509 are. */
import protobuf from 'protobufjs/minimal.js'
import type { JsonObject } from '../encoding/json.js'
import { absent, eachField, finish, tag } from './fields.js'
import { decodeBundleEntry, encodeBundles, type BundleEntry } from './messages.js'
import { decodeStruct, encodeStruct } from './struct.js'

export interface JwtSvidRequest {
  readonly audience: readonly string[]
  /** Empty: every identity of the caller. */
  readonly spiffeId: string
}

export interface JwtSvidMessage {
  readonly spiffeId: string
  readonly svid: string
  readonly hint: string
}

export interface JwtSvidResponse {
  readonly svids: readonly JwtSvidMessage[]
}

export interface JwtBundlesResponse {
  /** JWK Sets by the IDs of trust domains. */
  readonly bundles: Readonly<Record<string, Uint8Array>>
}

export interface ValidateJwtSvidRequest {
  readonly audience: string
  readonly svid: string
}

export interface ValidateJwtSvidResponse {
  readonly spiffeId: string
  readonly claims: JsonObject
}

export function decodeJwtSvidRequest(bytes: Uint8Array): JwtSvidRequest {
  const audience: string[] = []
  let spiffeId = ''
  eachField(bytes, {
    [tag(1)]: (reader) => audience.push(reader.string()),
    [tag(2)]: (reader) => (spiffeId = reader.string()),
  })
  return { audience, spiffeId }
}

export function encodeJwtSvidRequest({ audience, spiffeId }: JwtSvidRequest): Buffer {
  const writer = protobuf.Writer.create()
  for (const name of audience) writer.uint32(tag(1)).string(name)
  return finish(writer.uint32(tag(2)).string(spiffeId))
}

export function decodeJwtSvidResponse(bytes: Uint8Array): JwtSvidResponse {
  const svids: JwtSvidMessage[] = []
  eachField(bytes, { [tag(1)]: (reader) => svids.push(decodeJwtSvid(reader.bytes())) })
  return { svids }
}

export function encodeJwtSvidResponse({ svids }: JwtSvidResponse): Buffer {
  const writer = protobuf.Writer.create()
  for (const { spiffeId, svid, hint } of svids) {
    const message = writer.uint32(tag(1)).fork()
    message.uint32(tag(1)).string(spiffeId).uint32(tag(2)).string(svid).uint32(tag(3)).string(hint).ldelim()
  }
  return finish(writer)
}

export function decodeJwtBundlesResponse(bytes: Uint8Array): JwtBundlesResponse {
  const bundles: BundleEntry[] = []
  eachField(bytes, { [tag(1)]: (reader) => bundles.push(decodeBundleEntry(reader.bytes())) })
  return { bundles: Object.fromEntries(bundles) }
}

export function encodeJwtBundlesResponse({ bundles }: JwtBundlesResponse): Buffer {
  const writer = protobuf.Writer.create()
  encodeBundles(bundles, 1, writer)
  return finish(writer)
}

export function decodeValidateJwtSvidRequest(bytes: Uint8Array): ValidateJwtSvidRequest {
  const request = { audience: '', svid: '' }
  eachField(bytes, {
    [tag(1)]: (reader) => (request.audience = reader.string()),
    [tag(2)]: (reader) => (request.svid = reader.string()),
  })
  return request
}

export function encodeValidateJwtSvidRequest({ audience, svid }: ValidateJwtSvidRequest): Buffer {
  return finish(protobuf.Writer.create().uint32(tag(1)).string(audience).uint32(tag(2)).string(svid))
}

export function decodeValidateJwtSvidResponse(bytes: Uint8Array): ValidateJwtSvidResponse {
  let spiffeId = ''
  let claims = absent
  eachField(bytes, {
    [tag(1)]: (reader) => (spiffeId = reader.string()),
    [tag(2)]: (reader) => (claims = reader.bytes()),
  })
  return { spiffeId, claims: decodeStruct(claims) }
}

export function encodeValidateJwtSvidResponse({ spiffeId, claims }: ValidateJwtSvidResponse): Buffer {
  const writer = protobuf.Writer.create().uint32(tag(1)).string(spiffeId)
  return finish(encodeStruct(claims, writer.uint32(tag(2)).fork()).ldelim())
}

function decodeJwtSvid(bytes: Uint8Array): JwtSvidMessage {
  const svid = { spiffeId: '', svid: '', hint: '' }
  eachField(bytes, {
    [tag(1)]: (reader) => (svid.spiffeId = reader.string()),
    [tag(2)]: (reader) => (svid.svid = reader.string()),
    [tag(3)]: (reader) => (svid.hint = reader.string()),
  })
  return svid
}
