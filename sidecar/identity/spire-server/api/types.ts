/** The messages of package `spire.api.types` that an agent writes and reads, with the fields it needs of each. */
import {
  bytes,
  flag,
  int32,
  int64,
  message,
  nested,
  repeated,
  repeatedMessage,
  text,
  type MessageValues,
} from '../../../protobuf/message.js'

export const spiffeIdMessage = message({ trustDomain: text(1), path: text(2) })
export type SpiffeIdMessage = MessageValues<typeof spiffeIdMessage>

export const attestationData = message({ type: text(1), payload: bytes(2) })

export const x509SvidMessage = message({
  certChain: repeated<Uint8Array>(bytes)(1),
  id: nested(spiffeIdMessage)(2),
  expiresAt: int64(3),
})
export type X509SvidMessage = MessageValues<typeof x509SvidMessage>

export const jwtSvidMessage = message({
  token: text(1),
  id: nested(spiffeIdMessage)(2),
  expiresAt: int64(3),
  issuedAt: int64(4),
})
export type JwtSvidMessage = MessageValues<typeof jwtSvidMessage>

/** Its numbers are gRPC's. */
export const statusMessage = message({ code: int32(1), message: text(2) })

const x509Certificate = message({ asn1: bytes(1), tainted: flag(2) })
const jwtKey = message({ publicKey: bytes(1), keyId: text(2), expiresAt: int64(3), tainted: flag(4) })

export const bundleMessage = message({
  trustDomain: text(1),
  x509Authorities: repeatedMessage(x509Certificate)(2),
  jwtAuthorities: repeatedMessage(jwtKey)(3),
  refreshHint: int64(4),
  sequenceNumber: int64(5),
})
export type BundleMessage = MessageValues<typeof bundleMessage>

export const selectorMessage = message({ type: text(1), value: text(2) })

export const entryMessage = message({
  id: text(1),
  spiffeId: nested(spiffeIdMessage)(2),
  parentId: nested(spiffeIdMessage)(3),
  selectors: repeatedMessage(selectorMessage)(4),
  federatesWith: repeated<string>(text)(6),
  revisionNumber: int64(11),
  hint: text(14),
  createdAt: int64(15),
})
export type EntryMessage = MessageValues<typeof entryMessage>

/** Which fields of entries are wanted; the ID always comes. */
export const entryMask = message({
  spiffeId: flag(2),
  parentId: flag(3),
  federatesWith: flag(6),
  revisionNumber: flag(11),
  hint: flag(14),
  createdAt: flag(15),
})

export const entryRevision = message({ id: text(1), revisionNumber: int64(2), createdAt: int64(3) })
export type EntryRevisionMessage = MessageValues<typeof entryRevision>

/** `google.rpc.Status`, as the trailer `grpc-status-details-bin` carries it. */
export const rpcStatus = message({
  code: int32(1),
  message: text(2),
  details: repeatedMessage(message({ typeUrl: text(1), value: bytes(2) }))(3),
})

export const permissionDeniedDetails = message({ reason: int32(1) })
