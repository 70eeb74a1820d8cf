import type { Metadata } from '@grpc/grpc-js'
import { permissionDeniedDetails, rpcStatus } from './types.js'

/** `spire.api.types.PermissionDeniedDetails.Reason`, by number. */
const reasons = [
  'unknown',
  'agentExpired',
  'agentNotAttested',
  'agentNotActive',
  'agentBanned',
  'agentMustReattest',
] as const

export type DenialReason = (typeof reasons)[number]

const detailsType = 'type.googleapis.com/spire.api.types.PermissionDeniedDetails'
/** The trailer's value is a `google.rpc.Status`; an honest one has some dozen bytes. */
const detailsTrailer = 'grpc-status-details-bin'

/** Why the server denied a call: the text of the status does not say it, only this trailer does. */
export function reasonOfDenial(metadata: Metadata): DenialReason {
  for (const value of metadata.get(detailsTrailer)) {
    if (typeof value === 'string') continue
    const reason = readReason(value)
    if (reason !== undefined) return reason
  }
  return 'unknown'
}

function readReason(trailer: Uint8Array): DenialReason | undefined {
  try {
    const details = rpcStatus.decode(trailer).details.find(({ typeUrl }) => typeUrl === detailsType)
    return details && reasons[permissionDeniedDetails.decode(details.value).reason]
  } catch {
    // Not protobuf: the denial stands, its reason stays unknown.
    return undefined
  }
}
