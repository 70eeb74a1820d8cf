/**
 * The messages of `workload.proto` that carry X.509, read and written field by field. A loader of `.proto` files would
 * cost each start a parser, code made at run time, and eleven megabytes. The tests' agent is made from `workload.proto`
 * itself, so the two cannot part unseen.
 */
import protobuf from 'protobufjs/minimal.js'
import { absent, eachField, finish, tag } from './fields.js'

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

/** What is read are views of `bytes`: to overwrite a message is to overwrite them. */
export function decodeX509SvidResponse(bytes: Uint8Array): X509SvidResponse {
  const svids: X509SvidMessage[] = []
  const crl: Uint8Array[] = []
  const federatedBundles: BundleEntry[] = []
  eachField(bytes, {
    [tag(1)]: (reader) => svids.push(decodeX509Svid(reader.bytes())),
    [tag(2)]: (reader) => crl.push(reader.bytes()),
    [tag(3)]: (reader) => federatedBundles.push(decodeBundleEntry(reader.bytes())),
  })
  return { svids, crl, federatedBundles: Object.fromEntries(federatedBundles) }
}

export function encodeX509SvidResponse({ svids, crl, federatedBundles }: X509SvidResponse): Buffer {
  const writer = protobuf.Writer.create()
  for (const svid of svids) encodeX509Svid(svid, writer.uint32(tag(1)).fork()).ldelim()
  for (const list of crl) writer.uint32(tag(2)).bytes(list)
  encodeBundles(federatedBundles, 3, writer)
  return finish(writer)
}

export function decodeX509BundlesResponse(bytes: Uint8Array): X509BundlesResponse {
  const crl: Uint8Array[] = []
  const bundles: BundleEntry[] = []
  eachField(bytes, {
    [tag(1)]: (reader) => crl.push(reader.bytes()),
    [tag(2)]: (reader) => bundles.push(decodeBundleEntry(reader.bytes())),
  })
  return { crl, bundles: Object.fromEntries(bundles) }
}

export function encodeX509BundlesResponse({ crl, bundles }: X509BundlesResponse): Buffer {
  const writer = protobuf.Writer.create()
  for (const list of crl) writer.uint32(tag(1)).bytes(list)
  encodeBundles(bundles, 2, writer)
  return finish(writer)
}

export type BundleEntry = readonly [trustDomainId: string, bundle: Uint8Array]

function decodeX509Svid(bytes: Uint8Array): X509SvidMessage {
  const svid = { spiffeId: '', x509Svid: absent, x509SvidKey: absent, bundle: absent, hint: '' }
  eachField(bytes, {
    [tag(1)]: (reader) => (svid.spiffeId = reader.string()),
    [tag(2)]: (reader) => (svid.x509Svid = reader.bytes()),
    [tag(3)]: (reader) => (svid.x509SvidKey = reader.bytes()),
    [tag(4)]: (reader) => (svid.bundle = reader.bytes()),
    [tag(5)]: (reader) => (svid.hint = reader.string()),
  })
  return svid
}

function encodeX509Svid(svid: X509SvidMessage, writer: protobuf.Writer): protobuf.Writer {
  writer.uint32(tag(1)).string(svid.spiffeId)
  writer.uint32(tag(2)).bytes(svid.x509Svid)
  writer.uint32(tag(3)).bytes(svid.x509SvidKey)
  writer.uint32(tag(4)).bytes(svid.bundle)
  return writer.uint32(tag(5)).string(svid.hint)
}

/** A map is a repeated message of key and value. */
export function decodeBundleEntry(bytes: Uint8Array): BundleEntry {
  let id = ''
  let der = absent
  eachField(bytes, {
    [tag(1)]: (reader) => (id = reader.string()),
    [tag(2)]: (reader) => (der = reader.bytes()),
  })
  return [id, der]
}

export function encodeBundles(
  bundles: Readonly<Record<string, Uint8Array>>,
  field: number,
  writer: protobuf.Writer,
): void {
  for (const [id, der] of Object.entries(bundles)) {
    writer.uint32(tag(field)).fork().uint32(tag(1)).string(id).uint32(tag(2)).bytes(der).ldelim()
  }
}
