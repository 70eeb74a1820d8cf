import { status, type MethodDefinition } from '@grpc/grpc-js'
import type { JwtBundleSet } from '../bundle/jwt-bundle.js'
import { SpiffeError } from '../errors.js'
import type { JwtSvid } from '../jwt-svid/jwt-svid.js'
import { validateJwtSvid } from '../jwt-svid/validate-jwt-svid.js'
import type {
  JwtSvidRequest,
  JwtSvidResponse,
  ValidateJwtSvidRequest,
  ValidateJwtSvidResponse,
} from '../proto/jwt-messages.js'
import { workloadApiService } from '../proto/workload-service.js'
import { isSpiffeId, trustDomainId, type SpiffeId } from '../spiffe-id/spiffe-id.js'
import { WorkloadApiStatusError } from './status-error.js'

/** What a caller asks a token for, its form checked. */
export interface JwtSvidOrder {
  /** One or more names, each with text. */
  readonly audience: readonly string[]
  /** Whose token; undefined for every identity of the caller. */
  readonly subject: SpiffeId | undefined
}

/** No honest token has more, and each ends up in it. */
const maxAudiences = 32
const maxAudienceLength = 2_048

/** @throws {WorkloadApiStatusError} InvalidArgument (Workload API section 4.5: a mandatory field at its default) */
export function readOrder({ audience, spiffeId }: JwtSvidRequest): JwtSvidOrder {
  if (audience.length === 0 || audience.length > maxAudiences || !audience.every(isAudience)) {
    throw invalidArgument('the audience must be named')
  }
  if (spiffeId === '') return { audience, subject: undefined }
  if (!isSpiffeId(spiffeId)) throw invalidArgument('the SPIFFE ID is invalid')
  return { audience, subject: spiffeId }
}

/** What is sent of tokens; throws `TypeError` when the order was not kept to. */
export function jwtSvidResponse(svids: readonly JwtSvid[], { audience, subject }: JwtSvidOrder): JwtSvidResponse {
  const kept = svids.every(
    ({ id, audience: names }) => (subject ?? id) === id && audience.every((name) => names.includes(name)),
  )
  if (svids.length === 0 || !kept) throw new TypeError('the JWT-SVIDs are not those that were asked for')
  return { svids: svids.map((svid) => ({ spiffeId: svid.id, svid: svid.marshal(), hint: svid.hint })) }
}

/**
 * Workload API section 6.2.3.
 *
 * @throws {WorkloadApiStatusError} InvalidArgument when a field is missing or the token is not good, as SPIRE answers
 */
export async function validate(
  { audience, svid }: ValidateJwtSvidRequest,
  bundles: JwtBundleSet,
): Promise<ValidateJwtSvidResponse> {
  if (!isAudience(audience) || svid === '') throw invalidArgument('the audience and the JWT-SVID must be given')
  try {
    const { id, claims, audience: aud } = await validateJwtSvid(svid, bundles, { audience: [audience] })
    // Always a list, as other agents have it: a reader need not know both forms.
    return { spiffeId: id, claims: { ...claims, aud } }
  } catch (error) {
    if (!(error instanceof SpiffeError)) throw error
    throw new WorkloadApiStatusError(status.INVALID_ARGUMENT, error.message, { cause: error })
  }
}

/** The method as a server implements it: it answers with bundles. */
export function jwtBundlesMethod(): MethodDefinition<object, JwtBundleSet> {
  const { responseSerialize, ...method } = workloadApiService.FetchJWTBundles
  return {
    ...method,
    responseDeserialize: () => {
      throw new TypeError('a server does not read its own answers')
    },
    responseSerialize: (bundles) => {
      const entries = [...bundles].map(
        ([name, bundle]) => [trustDomainId(name), Buffer.from(bundle.marshal())] as const,
      )
      return responseSerialize({ bundles: Object.fromEntries(entries) })
    },
  }
}

export function assertHasBundle(bundles: JwtBundleSet): void {
  if (bundles.size === 0) throw new TypeError('there is no JWT bundle to send')
}

function isAudience(name: string): boolean {
  return name !== '' && name.length <= maxAudienceLength
}

function invalidArgument(details: string): WorkloadApiStatusError {
  return new WorkloadApiStatusError(status.INVALID_ARGUMENT, details)
}
