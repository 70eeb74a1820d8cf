import { status, type ServiceError } from '@grpc/grpc-js'
import type { EndpointAddress } from '../endpoint/endpoint-address.js'
import { SpiffeError, type SpiffeErrorCode } from '../errors.js'

type Meaning = readonly [code: SpiffeErrorCode, text: string]

/** SPIFFE Workload Endpoint section 6. What is not listed is treated as `Unavailable`: the agent may recover from it. */
const meaningOf: Readonly<Partial<Record<status, Meaning>>> = {
  [status.PERMISSION_DENIED]: ['ERR_WORKLOAD_API_PERMISSION_DENIED', 'issues no identity to this process'],
  [status.INVALID_ARGUMENT]: ['ERR_WORKLOAD_API_INVALID_ARGUMENT', 'refuses the request as invalid'],
  [status.UNIMPLEMENTED]: ['ERR_WORKLOAD_API_UNIMPLEMENTED', 'does not offer this part of the Workload API'],
}
const unavailable: Meaning = ['ERR_WORKLOAD_API_UNAVAILABLE', 'is not available']
const tooLarge: Meaning = ['ERR_WORKLOAD_API_MESSAGE_TOO_LARGE', 'sent a message larger than 10 MiB']

/** What the dialled socket answered, by the name of the system's error. */
const meaningOfSocketError: readonly (readonly [name: RegExp, meaning: Meaning])[] = [
  [/\bENOENT\b/, ['ERR_WORKLOAD_API_SOCKET_MISSING', 'has no socket']],
  [/\bENOTDIR\b/, ['ERR_WORKLOAD_API_SOCKET_MISSING', 'has no socket']],
  [/\b(?:EACCES|EPERM)\b/, ['ERR_WORKLOAD_API_SOCKET_FORBIDDEN', 'may not be opened by this user']],
  [/\bECONNREFUSED\b/, ['ERR_WORKLOAD_API_REFUSED', 'has nobody listening']],
]

const finalCodes: ReadonlySet<SpiffeErrorCode> = new Set([
  'ERR_WORKLOAD_API_INVALID_ARGUMENT',
  'ERR_WORKLOAD_API_UNIMPLEMENTED',
])

/**
 * The one place where an error of gRPC becomes ours. The agent's own text stays in the cause: it is not ours to repeat.
 */
export function workloadApiErrorFrom(error: Error, address: EndpointAddress): SpiffeError {
  const [code, text] = isServiceError(error) ? meaningOfError(error) : unavailable
  return new SpiffeError(code, `the Workload API at "${address.display}" ${text}`, { cause: error })
}

/** Whether asking again is pointless: Workload Endpoint section 6 and appendix A. */
export function isFinal(error: SpiffeError): boolean {
  return finalCodes.has(error.code)
}

function isServiceError(error: Error): error is ServiceError {
  return 'code' in error && typeof error.code === 'number' && 'details' in error && typeof error.details === 'string'
}

function meaningOfError({ code, details }: ServiceError): Meaning {
  // grpc-js raises these two itself and gives them no code of their own; the texts are pinned by tests.
  if (code === status.RESOURCE_EXHAUSTED && details.startsWith('Received message larger than max')) return tooLarge
  if (code === status.UNAVAILABLE && details.startsWith('No connection established')) {
    return meaningOfSocketError.find(([name]) => name.test(details))?.[1] ?? unavailable
  }
  return meaningOf[code] ?? unavailable
}
