import { status } from '@grpc/grpc-js'
import { ParsecError } from '../../parsec-core/index.js'
import { SpiffeError } from '../../workload-api/index.js'
import { grpcStatusOf } from './authority-client.js'
import type { IdentityEvent } from './identity-source.js'

type Advice = Pick<IdentityEvent, 'kind' | 'advice'>

/** What an operator should look at, by what the authority answered. `where` is its address, `id` what was asked for. */
export function adviceOf(error: unknown, where: string, id: string): Advice {
  const code = grpcStatusOf(error)
  if (code !== undefined) return adviceOfStatus(code, where, id)
  if (error instanceof ParsecError) {
    return { kind: 'failed', advice: 'the key provider failed: check its device and its key_provider block' }
  }
  if (error instanceof SpiffeError && error.code === 'ERR_X509_SVID_NOT_YET_VALID') {
    return { kind: 'failed', advice: `the SVID from ${where} is not valid yet: compare the clocks of both machines` }
  }
  return {
    kind: 'failed',
    advice: `what ${where} sent is not usable: is it the authority of the trust domain of ${id}?`,
  }
}

function adviceOfStatus(code: status, where: string, id: string): Advice {
  switch (code) {
    case status.UNAVAILABLE:
      return { kind: 'waiting', advice: `no authority answers at ${where}: is it running, and may this user connect?` }
    case status.DEADLINE_EXCEEDED:
      return { kind: 'waiting', advice: `the authority at ${where} does not answer: is it stopped or overloaded?` }
    case status.PERMISSION_DENIED:
      return {
        kind: 'waiting',
        advice: `uid ${process.getuid?.()} is not registered for ${id}: add it to the authority's registration file`,
      }
    case status.RESOURCE_EXHAUSTED:
      return { kind: 'waiting', advice: `the authority at ${where} limits how often uid ${process.getuid?.()} may ask` }
    case status.INVALID_ARGUMENT:
      return { kind: 'failed', advice: `the authority at ${where} refuses the request: check spiffe_id and key_type` }
    case status.UNIMPLEMENTED:
      return {
        kind: 'failed',
        advice: `${where} is not an embedded authority: for a SPIRE agent write source = "workload-api"`,
      }
    default:
      return { kind: 'failed', advice: `the authority at ${where} failed: look at its log` }
  }
}
