import { status, type Metadata } from '@grpc/grpc-js'
import { securityHeader } from '../endpoint/security-header.js'
import { WorkloadApiStatusError } from './status-error.js'

/** SPIFFE Workload Endpoint section 3: exactly one value, exactly `true`. */
export function hasSecurityHeader(metadata: Metadata): boolean {
  const values = metadata.get(securityHeader.name)
  return values.length === 1 && values[0] === securityHeader.value
}

export function securityHeaderMissing(): WorkloadApiStatusError {
  return new WorkloadApiStatusError(status.INVALID_ARGUMENT, 'security header missing from request')
}
