import {
  SpiffeError,
  trustDomainOf,
  WorkloadApiClient,
  type SpiffeErrorCode,
  type X509Context,
} from '../../workload-api/index.js'
import type { WorkloadApiIdentityConfig } from '../config/index.js'
import { chooseSvid, listSvids } from '../identity/choose-svid.js'
import { workloadApiAdvice } from '../identity/workload-api-advice.js'
import { errorText } from '../log/logger.js'
import { Findings, type Examination, type Step } from './examination.js'
import { examineSocket } from './examine-socket.js'

const answerTimeoutMs = 10_000

/** Where an answer that is none came to its end; anything else is an answer that is not whole or not good. */
const stepOf: { readonly [Code in SpiffeErrorCode]?: Step } = {
  ERR_WORKLOAD_API_SOCKET_MISSING: 'socket',
  ERR_WORKLOAD_API_SOCKET_FORBIDDEN: 'connection',
  ERR_WORKLOAD_API_REFUSED: 'connection',
  ERR_WORKLOAD_API_TIMEOUT: 'request',
  ERR_WORKLOAD_API_UNAVAILABLE: 'request',
  ERR_WORKLOAD_API_INVALID_ARGUMENT: 'request',
  ERR_WORKLOAD_API_UNIMPLEMENTED: 'request',
  ERR_WORKLOAD_API_PERMISSION_DENIED: 'entries',
  ERR_WORKLOAD_API_MESSAGE_TOO_LARGE: 'entries',
  ERR_WORKLOAD_API_RESPONSE_INVALID: 'entries',
}

const startAgent = 'is the SPIRE agent running, is agent_address right, is the volume with it mounted?'

/** How far an identity of source `workload-api` gets. Throws `SpiffeError` for an address that is none. */
export async function examineWorkloadApi(config: WorkloadApiIdentityConfig): Promise<Examination> {
  const client = new WorkloadApiClient({ address: config.agentAddress, firstMessageTimeoutMs: answerTimeoutMs })
  const findings = new Findings()
  try {
    if (await examineSocket(client.address, findings, startAgent)) await examineAnswer(config, client, findings)
  } finally {
    await client.close()
  }
  return { title: `identity "${config.name}": SPIRE agent at ${client.address.display}`, findings: findings.all }
}

async function examineAnswer(
  config: WorkloadApiIdentityConfig,
  client: WorkloadApiClient,
  findings: Findings,
): Promise<void> {
  findings.ok('request', 'the header workload.spiffe.io was accepted')
  try {
    const context = await client.fetchX509Context()
    tellOfContext(context, findings)
    examineChoice(config, context, findings)
  } catch (error) {
    if (!(error instanceof SpiffeError)) throw error
    const step = stepOf[error.code] ?? 'bundle'
    if (step === 'bundle') findings.ok('entries', 'the agent sent SVIDs')
    findings.failed(step, workloadApiAdvice(error, client.address).advice)
  }
}

function tellOfContext({ svids, bundles }: X509Context, findings: Findings): void {
  findings.ok('entries', `${svids.length === 1 ? '1 SVID' : `${svids.length} SVIDs`}: ${listSvids(svids)}`)
  const own = new Set(svids.map(({ id }) => trustDomainOf(id)))
  const foreign = [...bundles.keys()].filter((trustDomain) => !own.has(trustDomain))
  const federated = foreign.length === 0 ? 'no federated one' : `federated: ${foreign.slice(0, 10).join(', ')}`
  findings.ok('bundle', `every SVID leads to the bundle of its trust domain; ${federated}`)
}

function examineChoice(config: WorkloadApiIdentityConfig, { svids }: X509Context, findings: Findings): void {
  try {
    const { id } = chooseSvid(svids, config)
    const isNamed = config.spiffeId !== undefined || config.hint !== undefined
    const remark = isNamed || svids.length === 1 ? '' : ', the first; set spiffe_id or hint to choose'
    findings.ok('choice', `this identity is ${id}${remark}`)
  } catch (error) {
    findings.failed('choice', `${errorText(error)}: set spiffe_id or hint to exactly one of them, or create its entry`)
  }
}
