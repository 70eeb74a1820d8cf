import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseTrustDomain, type TrustDomain, type X509Bundle } from '../../workload-api/index.js'
import { formatAddress, type SpireServerIdentityConfig } from '../config/index.js'
import { spireAdvice } from '../identity/spire-server/advice.js'
import { UnauthenticatedConnection } from '../identity/spire-server/channel/unauthenticated-connection.js'
import { fetchServerBundle } from '../identity/spire-server/server-bundle.js'
import { SpireError } from '../identity/spire-server/spire-error.js'
import { readState, type AgentState } from '../identity/spire-server/state/agent-state.js'
import { readTrust } from '../identity/spire-server/trust/trust-source.js'
import { Findings, type Examination } from './examination.js'

/**
 * How far an identity of source `spire-server` gets without a turn of its agent, which is that of the process that runs:
 * is the server the one the bundle vouches for, and is there an agent, or what makes one.
 */
export async function examineSpireServer(config: SpireServerIdentityConfig): Promise<Examination> {
  const findings = new Findings()
  const shown = formatAddress(config.serverAddress)
  findings.ok('socket', `the server is asked at ${shown}`)
  const trustDomain = parseTrustDomain(config.trustDomain)
  try {
    const state = await readOwnState(config, trustDomain)
    await askServer(config, trustDomain, await bundleOf(config, trustDomain, state), findings)
    await examineAgent(config, state, findings)
  } catch (error) {
    const { advice } = spireAdvice(error, { config, agentId: undefined })
    findings.failed(
      error instanceof SpireError && error.code.startsWith('ERR_SPIRE_SERVER_') ? 'connection' : 'request',
      advice,
    )
  }
  return { title: `identity "${config.name}": SPIRE server at ${shown}`, findings: findings.all }
}

async function readOwnState(
  { stateDir }: SpireServerIdentityConfig,
  trustDomain: TrustDomain,
): Promise<AgentState | undefined> {
  const path = join(stateDir, 'agent.json')
  try {
    return readState(await readFile(path, 'utf8'), trustDomain, path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

async function bundleOf(
  config: SpireServerIdentityConfig,
  trustDomain: TrustDomain,
  state: AgentState | undefined,
): Promise<X509Bundle | undefined> {
  const held = state?.bundle.x509Bundle()
  if (held !== undefined) return held
  const { trust, serverAddress: server } = config
  const bundle = await readTrust({ trust, trustDomain, server, onWarning: () => {} }, new AbortController().signal)
  return bundle.x509Bundle()
}

async function askServer(
  { serverAddress }: SpireServerIdentityConfig,
  trustDomain: TrustDomain,
  bundle: X509Bundle | undefined,
  findings: Findings,
): Promise<void> {
  if (bundle === undefined) throw new SpireError('ERR_SPIRE_BUNDLE_UNREADABLE', 'the bundle has no X.509 authority')
  const connection = new UnauthenticatedConnection(serverAddress, { trustDomain, bundle })
  try {
    await fetchServerBundle(connection, trustDomain, new AbortController().signal)
    findings.ok('connection', 'the server answers, and the bundle vouches for it')
  } finally {
    await connection.close()
  }
}

async function examineAgent(
  config: SpireServerIdentityConfig,
  state: AgentState | undefined,
  findings: Findings,
): Promise<void> {
  const { attestation, stateDir } = config
  if (state?.agent !== undefined) findings.ok('request', `an agent is kept in ${stateDir}`)
  else if (attestation.type === 'join_token') {
    await access(attestation.tokenFile).catch((cause: unknown) => {
      throw new SpireError('ERR_SPIRE_TOKEN_UNREADABLE', 'there is no join token', { cause })
    })
    findings.ok('request', `there is a join token in ${attestation.tokenFile}`)
  } else findings.ok('request', 'it attests by x509pop when svidecar runs')
  findings.ok('entries', 'asked for by the process that runs: see svidecar status')
}
