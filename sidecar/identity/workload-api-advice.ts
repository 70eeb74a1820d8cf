import { ParsecError } from '../../parsec-core/index.js'
import { SpiffeError, type EndpointAddress, type SpiffeErrorCode } from '../../workload-api/index.js'
import type { IdentityEvent } from './identity-source.js'
import { SvidChoiceError } from './choose-svid.js'

type Advice = Pick<IdentityEvent, 'kind' | 'advice'>

/** What waiting may mend, and what to look at meanwhile. */
const reaching: { readonly [Code in SpiffeErrorCode]?: (where: string) => string } = {
  ERR_WORKLOAD_API_SOCKET_MISSING: (where) =>
    `there is no socket ${where}: is the SPIRE agent running, is agent_address right, is the volume with it mounted?`,
  ERR_WORKLOAD_API_SOCKET_FORBIDDEN: (where) =>
    `uid ${process.getuid?.()} may not open ${where}: check the modes of the socket and of the folders above it`,
  ERR_WORKLOAD_API_REFUSED: (where) =>
    `nobody listens at ${where}: is the SPIRE agent running? Its socket outlives an agent that was killed`,
  ERR_WORKLOAD_API_UNAVAILABLE: (where) => `the agent at ${where} is not available: is it starting? Look at its log`,
  ERR_WORKLOAD_API_TIMEOUT: (where) => `the agent at ${where} accepts connections and is silent: is it stopped?`,
  ERR_WORKLOAD_API_PERMISSION_DENIED: (where) =>
    `no identity issued: is there an entry for uid ${process.geteuid?.()}? The agent at ${where} looks for selectors ` +
    `out of ${selectors()}, and must see this process (PID namespace); \`svidecar doctor\` says more`,
  ERR_WORKLOAD_API_MESSAGE_TOO_LARGE: (where) =>
    `the agent at ${where} sent more than 10 MiB: how many trust domains is it federated with?`,
}

/** What the agent sent and must not be used. */
const contents: { readonly [Code in SpiffeErrorCode]?: string } = {
  ERR_WORKLOAD_API_RESPONSE_INVALID: 'is not complete: is the agent in sync with its server? Look at its log',
  ERR_X509_SVID_MALFORMED: 'is no certificate chain: is it a SPIRE agent that listens there?',
  ERR_X509_SVID_KEY_MISMATCH: 'has a private key that is not that of the certificate: restart the agent',
  ERR_X509_SVID_KEY_INVALID: 'has a private key that cannot be read: is it a SPIRE agent that listens there?',
  ERR_X509_SVID_EXPIRED:
    'has already expired: does the agent reach its server, and is the clock of this machine right?',
  ERR_X509_SVID_NOT_YET_VALID: 'is not valid yet: compare the clock of this machine with that of the SPIRE server',
  ERR_X509_SVID_UNTRUSTED: 'does not lead to the bundle that came with it: is the agent in sync with its server?',
}

const final: { readonly [Code in SpiffeErrorCode]?: (where: string) => string } = {
  ERR_WORKLOAD_API_INVALID_ARGUMENT: (where) =>
    `the agent at ${where} refuses the request as invalid: is it a Workload API that listens there?`,
  ERR_WORKLOAD_API_UNIMPLEMENTED: (where) =>
    `${where} does not serve X.509-SVIDs: is it the agent's public socket, and not its admin socket?`,
}

/** What an operator should look at when the agent, what it sent, or the key provider fails. */
export function workloadApiAdvice(error: unknown, address: EndpointAddress): Advice {
  const where = address.path ?? address.display
  if (error instanceof ParsecError) {
    return {
      kind: 'failed',
      advice: 'the key provider did not take the key: check its device and its key_provider block',
    }
  }
  if (error instanceof SvidChoiceError) {
    return { kind: 'failed', advice: 'set spiffe_id or hint to exactly one of the SVIDs the agent offers' }
  }
  if (!(error instanceof SpiffeError)) return { kind: 'failed', advice: `the SVID from ${where} is not usable` }
  const waiting = reaching[error.code]
  if (waiting !== undefined) return { kind: 'waiting', advice: waiting(where) }
  const advice = final[error.code]?.(where)
  if (advice !== undefined) return { kind: 'failed', advice }
  return { kind: 'failed', advice: `what the agent at ${where} sent ${contents[error.code] ?? 'breaks the standard'}` }
}

/** What SPIRE's unix attestor finds of this process. */
function selectors(): string {
  return `unix:uid:${process.geteuid?.()}, unix:gid:${process.getegid?.()}, unix:path:${process.execPath}`
}
