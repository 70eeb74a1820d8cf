import { createHash } from 'node:crypto'
import { SpiffeBundle, type TrustDomain } from '../../../../workload-api/index.js'
import { SpireError } from '../spire-error.js'

/** The agent this sidecar is to its server. */
export interface AgentRecord {
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[]
  /** Of the key in the identity's provider. */
  readonly keyName: string
  /** Whether the server lets it attest again; one that may not renews itself. */
  readonly reattestable: boolean
}

/** What must outlive the process. One file, so that chain, key and bundle are never of different moments. */
export interface AgentState {
  readonly bundle: SpiffeBundle
  /** Digest of the bundle of the configuration that was begun with: only another one is a new statement of the operator. */
  readonly begunWith: string
  readonly agent: AgentRecord | undefined
}

const version = 1

export function writeState({ bundle, begunWith, agent }: AgentState): string {
  const { trustDomain } = bundle
  const record = agent && { ...agent, chain: agent.chain.map((der) => Buffer.from(der).toString('base64')) }
  return `${JSON.stringify({ version, trustDomain, begunWith, bundle: bundle.marshal(), agent: record }, undefined, 2)}\n`
}

/** Throws `SpireError` (`ERR_SPIRE_STATE`); `shown` names the file. */
export function readState(text: string, trustDomain: TrustDomain, shown: string): AgentState {
  const fault = (reason: string, cause?: unknown) =>
    new SpireError('ERR_SPIRE_STATE', `"${shown}" ${reason}: move it away to begin anew`, { cause })
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw fault('is not whole', error)
  }
  if (!isObject(parsed) || parsed['version'] !== version) throw fault('is of another version')
  if (parsed['trustDomain'] !== trustDomain) throw fault('is of another trust domain')
  const { bundle, begunWith, agent } = parsed
  if (typeof bundle !== 'string' || typeof begunWith !== 'string') throw fault('is not whole')
  const record = agent === undefined ? undefined : readAgent(agent)
  if (agent !== undefined && record === undefined) throw fault('is not whole')
  try {
    return { bundle: SpiffeBundle.parse(trustDomain, bundle), begunWith, agent: record }
  } catch (error) {
    throw fault('has a bundle that cannot be read', error)
  }
}

export function digestOfBundle(bundle: SpiffeBundle): string {
  return createHash('sha256').update(bundle.marshal()).digest('hex')
}

function readAgent(value: unknown): AgentRecord | undefined {
  if (!isObject(value)) return undefined
  const { chain, keyName, reattestable } = value
  if (typeof keyName !== 'string' || typeof reattestable !== 'boolean' || !Array.isArray(chain)) return undefined
  const certificates = chain.filter((item) => typeof item === 'string')
  if (certificates.length === 0 || certificates.length !== chain.length) return undefined
  return { chain: certificates.map((item) => Uint8Array.from(Buffer.from(item, 'base64'))), keyName, reattestable }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
