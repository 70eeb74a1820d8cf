import type { AdminConfig, HealthConfig, IdentityConfig, KeyProviderConfig, OutputConfig } from '../config/index.js'
import type { HealthServer } from '../health/health-server.js'
import type { OutputPart } from '../outputs/output-part.js'
import type { WorkloadEndpoint } from '../workload-endpoint/workload-endpoint.js'
import { retiredParts, type Parts } from './parts.js'

/** An output is made anew when its block, its identity or the provider of its key changed. */
export interface OutputPartConfig {
  readonly output: OutputConfig
  readonly identity: IdentityConfig
  readonly keyProvider: KeyProviderConfig | undefined
}

/** What runs of a configuration for the workload beside it. */
export interface WorkloadParts {
  readonly outputs: Parts<OutputPartConfig, OutputPart>
  readonly endpoint: Parts<AdminConfig, WorkloadEndpoint>
  /** By the address: whatever else of the block changes, the socket stays. */
  readonly health: Parts<Pick<HealthConfig, 'host' | 'port'>, HealthServer>
}

export const noWorkloadParts: WorkloadParts = { outputs: new Map(), endpoint: new Map(), health: new Map() }

/** Ends what `next` no longer has. */
export async function closeRetiredWorkload(before: WorkloadParts, next: WorkloadParts): Promise<void> {
  const retired = [
    ...retiredParts(before.outputs, next.outputs),
    ...retiredParts(before.endpoint, next.endpoint),
    ...retiredParts(before.health, next.health),
  ]
  await Promise.allSettled(retired.map((part) => part.close()))
}
