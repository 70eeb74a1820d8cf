import { Metadata, type status } from '@grpc/grpc-js'

/** What a gRPC server answers in the place of a message. */
export class StatusError extends Error {
  readonly code: status
  readonly details: string
  readonly metadata: Metadata

  constructor(code: status, details: string, metadata = new Metadata()) {
    super(details)
    this.code = code
    this.details = details
    this.metadata = metadata
  }
}
