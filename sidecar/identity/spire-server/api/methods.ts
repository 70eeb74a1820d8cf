/**
 * The methods of a SPIRE server's API (package `spire.api.server`) that an agent calls. The tests' server is made of the
 * `.proto` files' own field numbers, and a real server judges both.
 */
import type { MethodDefinition } from '@grpc/grpc-js'
import {
  bytes,
  flag,
  message,
  nested,
  repeated,
  repeatedMessage,
  text,
  type Message,
  type MessageValues,
} from '../../../protobuf/message.js'
import {
  attestationData,
  bundleMessage,
  entryMask,
  entryMessage,
  entryRevision,
  jwtSvidMessage,
  statusMessage,
  x509SvidMessage,
} from './types.js'

const csrParams = message({ csr: bytes(1) })

const attestAgentRequest = message({
  params: nested(message({ data: nested(attestationData)(1), params: nested(csrParams)(2) }))(1),
  challengeResponse: bytes(2),
})
const attestAgentResponse = message({
  result: nested(message({ svid: nested(x509SvidMessage)(1), reattestable: flag(2) }))(1),
  challenge: bytes(2),
})
export type AttestAgentResponse = MessageValues<typeof attestAgentResponse>

const syncRequest = message({ outputMask: nested(entryMask)(1), ids: repeated<string>(text)(2) })
export type SyncEntriesRequest = MessageValues<typeof syncRequest>
const syncResponse = message({
  entryRevisions: repeatedMessage(entryRevision)(1),
  entries: repeatedMessage(entryMessage)(2),
  more: flag(3),
})
export type SyncEntriesResponse = MessageValues<typeof syncResponse>

const newX509SvidParams = message({ entryId: text(1), csr: bytes(2) })
const newX509SvidResult = message({ status: nested(statusMessage)(1), svid: nested(x509SvidMessage)(2) })

/** As grpc-js wants a method for either side. */
export interface Method<Request, Response> extends MethodDefinition<Partial<Request>, Response> {
  readonly responseSerialize: (response: Partial<Response>) => Buffer
  readonly requestDeserialize: (bytes: Buffer) => Request & Partial<Request>
}

function method<Request, Response>(
  path: string,
  request: Message<Request>,
  response: Message<Response>,
  streams = false,
): Method<Request, Response> {
  return {
    path: `/spire.api.server.${path}`,
    requestStream: streams,
    responseStream: streams,
    requestSerialize: (values) => request.encode(values),
    requestDeserialize: (encoded) => request.decode(encoded),
    responseSerialize: (values) => response.encode(values),
    responseDeserialize: (encoded) => response.decode(encoded),
  }
}

export const attestAgent = method('agent.v1.Agent/AttestAgent', attestAgentRequest, attestAgentResponse, true)
export const renewAgent = method(
  'agent.v1.Agent/RenewAgent',
  message({ params: nested(csrParams)(1) }),
  message({ svid: nested(x509SvidMessage)(1) }),
)
export const getBundle = method('bundle.v1.Bundle/GetBundle', message({}), bundleMessage)
export const getFederatedBundle = method(
  'bundle.v1.Bundle/GetFederatedBundle',
  message({ trustDomain: text(1) }),
  bundleMessage,
)
export const getAuthorizedEntries = method(
  'entry.v1.Entry/GetAuthorizedEntries',
  message({ outputMask: nested(entryMask)(1) }),
  message({ entries: repeatedMessage(entryMessage)(1) }),
)
export const syncAuthorizedEntries = method('entry.v1.Entry/SyncAuthorizedEntries', syncRequest, syncResponse, true)
export const batchNewX509Svid = method(
  'svid.v1.SVID/BatchNewX509SVID',
  message({ params: repeatedMessage(newX509SvidParams)(1) }),
  message({ results: repeatedMessage(newX509SvidResult)(1) }),
)
export const newJwtSvid = method(
  'svid.v1.SVID/NewJWTSVID',
  message({ entryId: text(1), audience: repeated<string>(text)(2) }),
  message({ svid: nested(jwtSvidMessage)(1) }),
)
