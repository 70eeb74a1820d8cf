import type { handleUnaryCall, sendUnaryData, UntypedServiceImplementation } from '@grpc/grpc-js'
import { ParsecError, verifyCertificateRequest } from '../../parsec-core/index.js'
import { parseSpiffeId } from '../../workload-api/index.js'
import { errorText, type LogFields, type Logger } from '../log/logger.js'
import type { SignX509SvidRequest, SignX509SvidResponse } from './authority-protocol.js'
import { parseCaller, type Caller } from './caller.js'
import type { CertificateAuthority } from './certificate-authority.js'
import { AuthorityError } from './errors.js'
import { readingRequest, serviceErrorOf } from './grpc-status.js'
import type { Registrations } from './registrations.js'
import type { RequestLimiter } from './request-limiter.js'

export interface AuthorityServiceOptions {
  readonly authority: CertificateAuthority
  readonly registrations: Registrations
  readonly limiter: RequestLimiter
  readonly log: Logger
  readonly onIssued: () => void
  /** For what a caller is told no for; bounds how much of it is logged. */
  readonly onRefusal: (message: string, fields: LogFields) => void
}

/** The implementation of `svidecar.authority.v1.Authority`. */
export function createAuthorityService(options: AuthorityServiceOptions): UntypedServiceImplementation {
  const signX509SvidHandler: handleUnaryCall<SignX509SvidRequest, SignX509SvidResponse> = (call, respond) => {
    void answer(options, parseCaller(call.getPeer()), call.request).then((outcome) => respond(...outcome))
  }
  return { SignX509Svid: signX509SvidHandler }
}

async function answer(
  options: AuthorityServiceOptions,
  caller: Caller | undefined,
  request: SignX509SvidRequest,
): Promise<Parameters<sendUnaryData<SignX509SvidResponse>>> {
  try {
    return [null, await signX509Svid(options, caller, request)]
  } catch (error) {
    tellRefusal(options, caller, error)
    return [serviceErrorOf(error)]
  }
}

/** The order matters: nothing is computed for a caller who is not entitled, or who asks too often. */
async function signX509Svid(
  { authority, registrations, limiter, log, onIssued }: AuthorityServiceOptions,
  caller: Caller | undefined,
  request: SignX509SvidRequest,
): Promise<SignX509SvidResponse> {
  if (!caller) throw new AuthorityError('ERR_AUTHORITY_NOT_ENTITLED', 'the caller is not known')
  const id = readingRequest(() => parseSpiffeId(request.spiffeId))
  const now = new Date()
  const { hint } = registrations.requireEntitlement(caller.uid, id)
  limiter.take(caller.uid, now.getTime())
  const publicKey = readingRequest(() => verifyCertificateRequest(request.csr))
  const { chain, notAfter } = await authority.issue({ id, publicKey }, now)
  onIssued()
  log.debug('SVID signed', { spiffeId: id, ...caller, notAfter: notAfter.toISOString() })
  const { trustDomain, x509Authorities } = authority.bundle
  return { chain, bundles: { [trustDomain]: { x509Authorities } }, hint }
}

function tellRefusal({ log, onRefusal }: AuthorityServiceOptions, caller: Caller | undefined, error: unknown): void {
  const fields = { uid: caller?.uid, pid: caller?.pid, error: errorText(error) }
  if (error instanceof AuthorityError) onRefusal('an SVID was refused', fields)
  else log.error(error instanceof ParsecError ? 'the key provider failed' : 'an SVID could not be signed', fields)
}
