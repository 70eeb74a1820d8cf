import { ParsecError } from '../../../parsec-core/index.js'
import { SpiffeError, type SpiffeErrorCode, type SpiffeId } from '../../../workload-api/index.js'
import { formatAddress, type SpireServerIdentityConfig } from '../../config/index.js'
import type { IdentityEvent } from '../identity-source.js'
import { SpireError, type SpireErrorCode } from './spire-error.js'

type Advice = Pick<IdentityEvent, 'kind' | 'advice'>

/** What advice needs to name. */
export interface Question {
  readonly config: SpireServerIdentityConfig
  readonly agentId: SpiffeId | undefined
}

type Words = (question: Question) => string

/** Trying again may mend these by itself. */
const waiting: ReadonlySet<SpireErrorCode> = new Set<SpireErrorCode>([
  'ERR_SPIRE_SERVER_UNREACHABLE',
  'ERR_SPIRE_SERVER_SILENT',
  'ERR_SPIRE_SERVER_FAILED',
  'ERR_SPIRE_SERVER_BUSY',
  'ERR_SPIRE_AGENT_SIGNER',
  'ERR_SPIRE_ENTRY_NOT_FOUND',
  'ERR_SPIRE_SVID_REFUSED',
  'ERR_SPIRE_CLOCK',
])

const words: Readonly<Record<SpireErrorCode, Words>> = {
  ERR_SPIRE_SERVER_UNREACHABLE: (q) =>
    `no SPIRE server answers at ${server(q)}: is it running, and does the network let this host through?`,
  ERR_SPIRE_SERVER_SILENT: (q) =>
    `the SPIRE server at ${server(q)} accepts connections and is silent: is it overloaded or stopped?`,
  ERR_SPIRE_SERVER_UNTRUSTED: (q) =>
    `bundle stale: the server at ${server(q)} is not vouched for by the bundle held; ${newBundle(q)}`,
  ERR_SPIRE_SERVER_EXPIRED: (q) =>
    `the certificate of the server at ${server(q)} is not valid now: compare the clock of this machine with the server's`,
  ERR_SPIRE_SERVER_OTHER_ID: (q) =>
    `who answers at ${server(q)} is not spiffe://${q.config.trustDomain}/spire/server: is server_address or trust_domain wrong?`,
  ERR_SPIRE_SERVER_TLS: (q) =>
    `TLS with ${server(q)} fails: is it the server's port for agents (bind_port), with nothing in between that ends TLS?`,
  ERR_SPIRE_SERVER_FAILED: (q) => `the SPIRE server at ${server(q)} fails: look at its log`,
  ERR_SPIRE_SERVER_BUSY: (q) =>
    `the SPIRE server at ${server(q)} limits how often it may be asked: make poll_interval longer`,
  ERR_SPIRE_SERVER_TOO_OLD: (q) =>
    `what answers at ${server(q)} does not have this part of the API of a SPIRE server: is it one, and recent?`,
  ERR_SPIRE_AGENT_EXPIRED: (q) => `the agent's SVID has expired: ${attestAnew(q)}`,
  ERR_SPIRE_AGENT_NOT_ATTESTED: (q) => `the server does not know ${agent(q)}: it was evicted; ${attestAnew(q)}`,
  ERR_SPIRE_AGENT_NOT_ACTIVE: (q) =>
    `another process uses ${agent(q)}, or its state was put back from a copy; ${attestAnew(q)}`,
  ERR_SPIRE_AGENT_BANNED: (q) =>
    `the server has banned ${agent(q)}: nothing more is tried; "spire-server agent evict" lifts it, then restart`,
  ERR_SPIRE_AGENT_MUST_REATTEST: (q) => `the server wants ${agent(q)} to attest again: ${attestAnew(q)}`,
  ERR_SPIRE_AGENT_CERTIFICATE_REFUSED: (q) =>
    `the server refuses the certificate of ${agent(q)}: did it lose its CA keys? ${attestAnew(q)}`,
  ERR_SPIRE_AGENT_DENIED: (q) =>
    `the server denies the call without a reason: look at its log and its authorization policy at ${server(q)}`,
  ERR_SPIRE_AGENT_KEY_GONE: (q) => `the key of the agent's SVID is gone from its provider: ${attestAnew(q)}`,
  ERR_SPIRE_AGENT_SIGNER: () =>
    'the key provider does not sign for the agent: check its device and its key_provider block',
  ERR_SPIRE_TOKEN_UNREADABLE: (q) => `there is no usable join token: ${newToken(q)}`,
  ERR_SPIRE_TOKEN_SPENT: (q) =>
    `the server does not take the join token, it was used or its time is over: ${newToken(q)}`,
  ERR_SPIRE_ATTESTATION_MATERIAL: () =>
    'what the attestation is made with cannot be used: check the files and keys of the attestation block',
  ERR_SPIRE_ATTESTATION_REFUSED: (q) =>
    `the server refuses the attestation: does it have the node attestor "${q.config.attestation.type}", set up for this certificate?`,
  ERR_SPIRE_BUNDLE_UNREADABLE: () => 'there is no trust bundle to begin with: "spire-server bundle show" prints it',
  ERR_SPIRE_ENTRY_NOT_FOUND: (q) =>
    `no entry yet: spire-server entry create -parentID ${q.agentId ?? 'AGENT_ID'} -spiffeID ${q.config.spiffeId} -selector svidecar:identity:${q.config.name}`,
  ERR_SPIRE_ENTRY_AMBIGUOUS: () => 'several entries fit: set entry_id to exactly one of them, or delete the others',
  ERR_SPIRE_ENTRY_OTHER_ID: () => 'entry_id names the entry of another workload: correct entry_id or spiffe_id',
  ERR_SPIRE_SVID_REFUSED: () => 'the server does not issue the SVID: was the entry changed just now? Look at its log',
  ERR_SPIRE_RESPONSE_INVALID: (q) =>
    `what ${server(q)} answers is not usable: is it a SPIRE server, of a supported version?`,
  ERR_SPIRE_STATE: (q) => `the state of the agent cannot be kept: check ${q.config.stateDir} and the space on its disk`,
  ERR_SPIRE_CLOCK: () =>
    'the clock of this machine is behind that of the SPIRE server: set it; until then the SVID is waited for',
}

const contents: { readonly [Code in SpiffeErrorCode]?: string } = {
  ERR_X509_SVID_EXPIRED:
    "the SVID from the server has already expired: compare the clock of this machine with the server's",
  ERR_X509_SVID_NOT_YET_VALID:
    "the SVID from the server is not valid yet: compare the clock of this machine with the server's",
  ERR_X509_SVID_UNTRUSTED:
    'the SVID from the server does not lead to its own bundle: is the server in the middle of a rotation?',
}

/** What an operator should look at, by what came of an attempt. */
export function spireAdvice(error: unknown, question: Question): Advice {
  if (error instanceof SpireError) {
    return { kind: waiting.has(error.code) ? 'waiting' : 'failed', advice: words[error.code](question) }
  }
  if (error instanceof ParsecError) {
    return { kind: 'failed', advice: 'the key provider failed: check its device and its key_provider block' }
  }
  if (error instanceof SpiffeError && error.code.startsWith('ERR_WORKLOAD_API_')) {
    return {
      kind: 'waiting',
      advice:
        'the agent on this host does not give the SVID to attest with: is it running, with an entry for this process?',
    }
  }
  const advice = error instanceof SpiffeError ? contents[error.code] : undefined
  return {
    kind: 'failed',
    advice: advice ?? `what the server at ${server(question)} sent is not usable: look at its log`,
  }
}

function server({ config }: Question): string {
  return formatAddress(config.serverAddress)
}

function agent({ agentId }: Question): string {
  return agentId ?? 'this agent'
}

function attestAnew(question: Question): string {
  return question.config.attestation.type === 'join_token' ? newToken(question) : 'it attests again by itself'
}

function newToken({ config: { attestation } }: Question): string {
  const file = attestation.type === 'join_token' ? attestation.tokenFile : 'token_file'
  return `write the token of "spire-server token generate" to ${file}`
}

function newBundle({ config: { trust, stateDir } }: Question): string {
  switch (trust.kind) {
    case 'file':
      return `write that of "spire-server bundle show" to ${trust.path}`
    case 'url':
      return `does ${trust.url} serve the new one?`
    case 'first-contact':
      return `if the server's keys were really lost, remove ${stateDir} to believe it anew`
  }
}
